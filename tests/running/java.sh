#!/usr/bin/env bash
# The Java virtual machine: its heap is mapped; its compiler, its threads, direct buffers and zlib take from malloc.
# packages: default-jre-headless ecj
# shellcheck source=tests/running/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

cat >A.java <<'JAVA'
import java.io.*;
import java.nio.*;
import java.util.*;
import java.util.stream.*;
import java.util.zip.*;
public class A {
    static int deflated(int n) {
        Deflater d = new Deflater();
        d.setInput(("text" + n).repeat(50).getBytes());
        d.finish();
        int size = d.deflate(new byte[4096]);
        d.end();
        return size;
    }
    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        while (in.readLine() != null) {
            int sizes = IntStream.range(0, 20000).parallel().map(A::deflated).sum();
            List<ByteBuffer> buffers = new ArrayList<>();
            for (int i = 0; i < 5000; i++) buffers.add(ByteBuffer.allocateDirect(100 + i));
            Thread[] threads = new Thread[20];
            for (int i = 0; i < 20; i++) (threads[i] = new Thread(() -> deflated(1))).start();
            for (Thread t : threads) t.join();
            System.out.println(sizes + " " + buffers.stream().mapToInt(ByteBuffer::capacity).sum());
        }
    }
}
JAVA
ecj -proc:none -17 A.java
converse java -Xmx256m A

job() { ask go; }

serve "$server" close
