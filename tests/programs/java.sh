#!/usr/bin/env bash
# The Java virtual machine under a compiler and a program: its heap is mapped, its own compiler and its threads take from malloc.
# packages: default-jre-headless ecj
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

cat >A.java <<'JAVA'
import java.util.*;
import java.util.stream.*;
import java.util.zip.*;
public class A {
    public static void main(String[] args) {
        Map<Integer, List<String>> m = IntStream.range(0, 400000).parallel().mapToObj(i -> "w" + i % 9973)
            .collect(Collectors.groupingByConcurrent(String::length));
        System.out.println(m.values().stream().mapToInt(List::size).sum() + " " + m.keySet());
        long total = 0;
        for (int i = 0; i < 3000; i++) {
            Deflater d = new Deflater();
            d.setInput(("text" + i).repeat(50).getBytes());
            d.finish();
            total += d.deflate(new byte[4096]);
            d.end();
        }
        System.out.println(total);
    }
}
JAVA
"$@" sh -c "ecj -proc:none -17 A.java && java -Xmx256m A"
