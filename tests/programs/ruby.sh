#!/usr/bin/env bash
# ruby: threads, strings, garbage collection with compaction.
# packages: ruby
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

cat >a.rb <<'RB'
require "json"
require "digest"
threads = 4.times.map do |t|
  Thread.new do
    rows = (0...20000).map { |i| { "i" => i, "s" => "word#{i % 977}" * (1 + i % 5), "t" => t } }
    Digest::SHA256.hexdigest(JSON.generate(JSON.parse(JSON.generate(rows.group_by { |r| r["s"] }))))
  end
end
threads.each { |t| puts t.value }
GC.start
puts `echo child`
puts fork { exit 3 }.then { |pid| Process.wait2(pid)[1].exitstatus }
RB
"$@" ruby a.rb
