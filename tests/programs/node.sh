#!/usr/bin/env bash
# node: V8's heap, buffers from malloc, workers, zlib in the pool of threads.
# packages: nodejs
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

cat >a.js <<'JS'
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const zlib = require('zlib'), crypto = require('crypto');
if (isMainThread) {
  const done = [0, 1, 2].map(n => new Promise((yes, no) => new Worker(__filename, { workerData: n }).on('message', yes).on('error', no)));
  const packed = [...Array(30).keys()].map(i => new Promise(yes => zlib.gzip('text '.repeat(20000 + i), (e, b) => yes(b.length))));
  Promise.all([...done, ...packed]).then(all => {
    const buffers = [];
    for (let i = 0; i < 200000; i++) buffers[i % 5000] = Buffer.allocUnsafeSlow(10 + i % 3000);
    console.log(all.join(' '), buffers.length);
  });
} else {
  let text = '' + workerData;
  for (let i = 0; i < 15000; i++) text = crypto.createHash('sha256').update(text).digest('hex');
  parentPort.postMessage(text.slice(0, 8));
}
JS
"$@" node a.js
