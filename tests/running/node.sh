#!/usr/bin/env bash
# node: buffers from malloc, zlib and cryptography in the pool of threads, a worker in each job.
# packages: nodejs
# shellcheck source=tests/running/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

cat >a.js <<'JS'
const { Worker, isMainThread, parentPort } = require('worker_threads');
const zlib = require('zlib'), crypto = require('crypto');
if (isMainThread) {
  const job = async () => {
    const packed = [...Array(30).keys()].map(i => new Promise(yes => zlib.gzip('text '.repeat(20000 + i), (e, b) => yes(b.length))));
    const worker = new Promise((yes, no) => new Worker(__filename).on('message', yes).on('error', no));
    const kept = [];
    for (let i = 0; i < 50000; i++) kept[i % 5000] = Buffer.allocUnsafeSlow(10 + i % 3000);
    console.log((await Promise.all([worker, ...packed])).join(' '), kept.length);
  };
  require('readline').createInterface({ input: process.stdin }).on('line', job);
} else {
  let text = '';
  for (let i = 0; i < 15000; i++) text = crypto.createHash('sha256').update(text).digest('hex');
  parentPort.postMessage(text.slice(0, 8));
}
JS
converse node a.js

job() { ask go; }

serve "$server" close
