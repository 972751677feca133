;; Operations that do little with what passes; assembled into small.ts by scripts/wasm.ts. Pointers are byte offsets.
(module
  (memory (import "host" "memory") 1)

  ;; The rows of $w, each of $bytes, at $count int64 indices; how many were below $rows, from the first.
  (func (export "gather")
    (param $w i32) (param $bytes i32) (param $rows i32) (param $index i32) (param $count i32) (param $y i32) (result i32)
    (local $i i32) (local $row i64)
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $i) (local.get $count)))
        (local.set $row (i64.load (i32.add (local.get $index) (i32.shl (local.get $i) (i32.const 3)))))
        (br_if $done (i64.ge_u (local.get $row) (i64.extend_i32_u (local.get $rows))))
        (memory.copy
          (i32.add (local.get $y) (i32.mul (local.get $i) (local.get $bytes)))
          (i32.add (local.get $w) (i32.mul (i32.wrap_i64 (local.get $row)) (local.get $bytes)))
          (local.get $bytes))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $next)))
    (local.get $i))

  ;; y = x scale + shift: $batch times $channels runs of $size floats; the scales and the shifts are one per channel.
  (func (export "affine")
    (param $x i32) (param $scale i32) (param $shift i32) (param $batch i32) (param $channels i32) (param $size i32) (param $y i32)
    (local $c i32) (local $end i32) (local $rest i32)
    (loop $sample
      (local.set $c (i32.const 0))
      (loop $channel
        (local.set $end (i32.add (local.get $x) (i32.shl (i32.and (local.get $size) (i32.const -4)) (i32.const 2))))
        (local.set $rest (i32.add (local.get $x) (i32.shl (local.get $size) (i32.const 2))))
        (block $full
          (loop $four
            (br_if $full (i32.ge_u (local.get $x) (local.get $end)))
            (v128.store (local.get $y) (f32x4.add
              (f32x4.mul (v128.load (local.get $x)) (v128.load32_splat (i32.add (local.get $scale) (local.get $c))))
              (v128.load32_splat (i32.add (local.get $shift) (local.get $c)))))
            (local.set $x (i32.add (local.get $x) (i32.const 16)))
            (local.set $y (i32.add (local.get $y) (i32.const 16)))
            (br $four)))
        (block $all
          (loop $one
            (br_if $all (i32.ge_u (local.get $x) (local.get $rest)))
            (f32.store (local.get $y) (f32.add
              (f32.mul (f32.load (local.get $x)) (f32.load (i32.add (local.get $scale) (local.get $c))))
              (f32.load (i32.add (local.get $shift) (local.get $c)))))
            (local.set $x (i32.add (local.get $x) (i32.const 4)))
            (local.set $y (i32.add (local.get $y) (i32.const 4)))
            (br $one)))
        (br_if $channel (i32.lt_u
          (local.tee $c (i32.add (local.get $c) (i32.const 4)))
          (i32.shl (local.get $channels) (i32.const 2)))))
      (br_if $sample (local.tee $batch (i32.sub (local.get $batch) (i32.const 1))))))

  ;; The largest of each 2 by 2: $pairs pairs of rows of $width floats, an even number.
  (func (export "halve") (param $x i32) (param $pairs i32) (param $width i32) (param $y i32)
    (local $below i32) (local $full i32) (local $p v128) (local $q v128)
    (local.set $width (i32.shl (local.get $width) (i32.const 2)))
    (loop $pair
      (local.set $below (i32.add (local.get $x) (local.get $width)))
      (local.set $full (i32.add (local.get $x) (i32.and (local.get $width) (i32.const -32))))
      (block $eights
        (loop $eight
          (br_if $eights (i32.ge_u (local.get $x) (local.get $full)))
          (local.set $p (f32x4.max (v128.load (local.get $x)) (v128.load (local.get $below))))
          (local.set $q (f32x4.max (v128.load offset=16 (local.get $x)) (v128.load offset=16 (local.get $below))))
          (v128.store (local.get $y) (f32x4.max
            (i8x16.shuffle 0 1 2 3 8 9 10 11 16 17 18 19 24 25 26 27 (local.get $p) (local.get $q))
            (i8x16.shuffle 4 5 6 7 12 13 14 15 20 21 22 23 28 29 30 31 (local.get $p) (local.get $q))))
          (local.set $x (i32.add (local.get $x) (i32.const 32)))
          (local.set $below (i32.add (local.get $below) (i32.const 32)))
          (local.set $y (i32.add (local.get $y) (i32.const 16)))
          (br $eight)))
      ;; four and two columns that are left; not by f32.max, which is slow where it has to choose
      (if (i32.and (local.get $width) (i32.const 16)) (then
        (local.set $p (f32x4.max (v128.load (local.get $x)) (v128.load (local.get $below))))
        (local.set $q (i8x16.shuffle 4 5 6 7 0 1 2 3 12 13 14 15 8 9 10 11 (local.get $p) (local.get $p)))
        (local.set $p (f32x4.max (local.get $p) (local.get $q)))
        (v128.store64_lane 0 (local.get $y)
          (i8x16.shuffle 0 1 2 3 8 9 10 11 0 1 2 3 8 9 10 11 (local.get $p) (local.get $p)))
        (local.set $x (i32.add (local.get $x) (i32.const 16)))
        (local.set $below (i32.add (local.get $below) (i32.const 16)))
        (local.set $y (i32.add (local.get $y) (i32.const 8)))))
      (if (i32.and (local.get $width) (i32.const 8)) (then
        (local.set $p (f32x4.max (v128.load64_zero (local.get $x)) (v128.load64_zero (local.get $below))))
        (local.set $q (i8x16.shuffle 4 5 6 7 0 1 2 3 12 13 14 15 8 9 10 11 (local.get $p) (local.get $p)))
        (v128.store32_lane 0 (local.get $y) (f32x4.max (local.get $p) (local.get $q)))
        (local.set $below (i32.add (local.get $below) (i32.const 8)))
        (local.set $y (i32.add (local.get $y) (i32.const 4)))))
      (local.set $x (local.get $below))
      (br_if $pair (local.tee $pairs (i32.sub (local.get $pairs) (i32.const 1))))))

  ;; Each of $count rows of $size floats, a multiple of 4, with mean 0 (if $centred) and mean square 1, times $w plus $b where there
  ;; are such. Rows may have a mean that is large beside their spread: what is summed are differences from the first, and from a mean
  ;; that then is corrected.
  (func (export "normalize")
    (param $x i32) (param $w i32) (param $b i32) (param $count i32) (param $size i32) (param $eps f32) (param $centred i32) (param $y i32)
    (local $bytes i32) (local $i i32) (local $n f32) (local $rest f32)
    (local $sum v128) (local $squares v128) (local $mean v128) (local $inv v128) (local $v v128)
    (local.set $bytes (i32.shl (local.get $size) (i32.const 2)))
    (local.set $n (f32.convert_i32_u (local.get $size)))
    (loop $row
      (local.set $mean (v128.const f32x4 0 0 0 0))
      (if (local.get $centred) (then
        (local.set $mean (v128.load32_splat (local.get $x)))
        (local.set $sum (v128.const f32x4 0 0 0 0))
        (local.set $i (i32.const 0))
        (loop $add
          (local.set $sum (f32x4.add
            (local.get $sum)
            (f32x4.sub (v128.load (i32.add (local.get $x) (local.get $i))) (local.get $mean))))
          (br_if $add (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 16))) (local.get $bytes))))
        (local.set $mean (f32x4.add
          (local.get $mean)
          (f32x4.splat (f32.div (call $total (local.get $sum)) (local.get $n)))))))
      (local.set $sum (v128.const f32x4 0 0 0 0))
      (local.set $squares (v128.const f32x4 0 0 0 0))
      (local.set $i (i32.const 0))
      (loop $square
        (local.set $v (f32x4.sub (v128.load (i32.add (local.get $x) (local.get $i))) (local.get $mean)))
        (local.set $sum (f32x4.add (local.get $sum) (local.get $v)))
        (local.set $squares (f32x4.add (local.get $squares) (f32x4.mul (local.get $v) (local.get $v))))
        (br_if $square (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 16))) (local.get $bytes))))
      (local.set $rest (f32.const 0))
      (if (local.get $centred) (then
        (local.set $rest (f32.div (call $total (local.get $sum)) (local.get $n)))
        (local.set $mean (f32x4.add (local.get $mean) (f32x4.splat (local.get $rest))))))
      (local.set $inv (f32x4.splat (f32.div (f32.const 1) (f32.sqrt (f32.add
        (f32.sub
          (f32.div (call $total (local.get $squares)) (local.get $n))
          (f32.mul (local.get $rest) (local.get $rest)))
        (local.get $eps))))))
      (local.set $i (i32.const 0))
      (loop $put
        (local.set $v (f32x4.mul
          (f32x4.sub (v128.load (i32.add (local.get $x) (local.get $i))) (local.get $mean))
          (local.get $inv)))
        (if (local.get $w) (then
          (local.set $v (f32x4.mul (local.get $v) (v128.load (i32.add (local.get $w) (local.get $i)))))))
        (if (local.get $b) (then
          (local.set $v (f32x4.add (local.get $v) (v128.load (i32.add (local.get $b) (local.get $i)))))))
        (v128.store (i32.add (local.get $y) (local.get $i)) (local.get $v))
        (br_if $put (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 16))) (local.get $bytes))))
      (local.set $x (i32.add (local.get $x) (local.get $bytes)))
      (local.set $y (i32.add (local.get $y) (local.get $bytes)))
      (br_if $row (local.tee $count (i32.sub (local.get $count) (i32.const 1))))))

  (func $total (param $v v128) (result f32)
    (f32.add
      (f32.add (f32x4.extract_lane 0 (local.get $v)) (f32x4.extract_lane 1 (local.get $v)))
      (f32.add (f32x4.extract_lane 2 (local.get $v)) (f32x4.extract_lane 3 (local.get $v))))))
