#!/usr/bin/env bash
# The OCaml compilers, and a program of theirs: a collector of its own over malloc.
# packages: ocaml-nox
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

cat >a.ml <<'ML'
module M = Map.Make (String)
let () =
  let m = ref M.empty in
  for i = 1 to 200000 do
    let k = string_of_int (i mod 7919) in
    m := M.add k (i :: (try M.find k !m with Not_found -> [])) !m
  done;
  Printf.printf "%d %d\n" (M.cardinal !m) (M.fold (fun _ l n -> n + List.length l) !m 0);
  let a = Array.init 2000 (fun i -> Bytes.make (i * 10) 'x') in
  Printf.printf "%d\n" (Array.fold_left (fun n b -> n + Bytes.length b) 0 a)
ML
"$@" sh -c 'ocamlopt -o a a.ml && ./a'
