#!/usr/bin/env bash
# A Go program, started by a shell: it is statically linked and runs unrecorded beside the shell, which is.
# packages: golang-go
# not recorded: a Go program is statically linked, and takes its memory from the kernel
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

cat >a.go <<'GO'
package main

import (
	"fmt"
	"sort"
)

func main() {
	sums := make(chan int)
	for g := 0; g < 4; g++ {
		go func(g int) {
			m := map[string][]int{}
			for i := 0; i < 400000; i++ {
				k := fmt.Sprint(i % 977)
				m[k] = append(m[k], i*g)
			}
			n := 0
			for _, v := range m {
				n += len(v) + v[len(v)-1]
			}
			sums <- n
		}(g)
	}
	all := []int{<-sums, <-sums, <-sums, <-sums}
	sort.Ints(all)
	fmt.Println(all)
}
GO
CGO_ENABLED=0 go build -o a a.go
"$@" sh -c './a; echo "exit code $?"'
