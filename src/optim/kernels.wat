;; Optimizer updates, four floats at a time; assembled into kernels.ts by scripts/wasm.ts.
;; Pointers are byte offsets of blocks whose length is a multiple of 16 bytes; $end is that length.
(module
  (memory (import "host" "memory") 1)

  ;; In both, g' = sign g + l2 p. Written out twice: a call in the loop costs as much as all the rest.

  ;; m += c1 (g' - m); v = b2 v + c2 g'^2; x = max(x, v); p = keep p - (rate m + grate g') / (sqrt(v or x) root + eps)
  ;; without $m, the numerator is grate g'
  (func (export "adaptive")
    (param $p i32) (param $g i32) (param $m i32) (param $v i32) (param $x i32) (param $end i32)
    (param $c1 f32) (param $b2 f32) (param $c2 f32) (param $rate f32) (param $grate f32) (param $root f32) (param $eps f32)
    (param $sign f32) (param $l2 f32) (param $keep f32)
    (local $at i32) (local $pi v128) (local $gi v128) (local $mi v128) (local $vi v128) (local $ui v128)
    (local $C1 v128) (local $B2 v128) (local $C2 v128) (local $RATE v128) (local $GRATE v128) (local $ROOT v128) (local $EPS v128)
    (local $SIGN v128) (local $KEEP v128)
    (local.set $C1 (f32x4.splat (local.get $c1)))
    (local.set $B2 (f32x4.splat (local.get $b2)))
    (local.set $C2 (f32x4.splat (local.get $c2)))
    (local.set $RATE (f32x4.splat (local.get $rate)))
    (local.set $GRATE (f32x4.splat (local.get $grate)))
    (local.set $ROOT (f32x4.splat (local.get $root)))
    (local.set $EPS (f32x4.splat (local.get $eps)))
    (local.set $SIGN (f32x4.splat (local.get $sign)))
    (local.set $KEEP (f32x4.splat (local.get $keep)))
    (loop $next
      (local.set $pi (v128.load (i32.add (local.get $p) (local.get $at))))
      (local.set $gi (f32x4.mul (v128.load (i32.add (local.get $g) (local.get $at))) (local.get $SIGN)))
      (if (f32.ne (local.get $l2) (f32.const 0)) (then
        (local.set $gi (f32x4.add (local.get $gi) (f32x4.mul (f32x4.splat (local.get $l2)) (local.get $pi))))))
      (if (local.get $m) (then
        (local.set $mi (v128.load (i32.add (local.get $m) (local.get $at))))
        (local.set $mi (f32x4.add (local.get $mi)
          (f32x4.mul (local.get $C1) (f32x4.sub (local.get $gi) (local.get $mi)))))
        (v128.store (i32.add (local.get $m) (local.get $at)) (local.get $mi))
        (local.set $ui (f32x4.mul (local.get $RATE) (local.get $mi)))
        (if (f32.ne (local.get $grate) (f32.const 0)) (then
          (local.set $ui (f32x4.add (local.get $ui) (f32x4.mul (local.get $GRATE) (local.get $gi)))))))
       (else
        (local.set $ui (f32x4.mul (local.get $GRATE) (local.get $gi)))))
      (local.set $vi (f32x4.add
        (f32x4.mul (local.get $B2) (v128.load (i32.add (local.get $v) (local.get $at))))
        (f32x4.mul (local.get $C2) (f32x4.mul (local.get $gi) (local.get $gi)))))
      (v128.store (i32.add (local.get $v) (local.get $at)) (local.get $vi))
      (if (local.get $x) (then
        (local.set $vi (f32x4.max (local.get $vi) (v128.load (i32.add (local.get $x) (local.get $at)))))
        (v128.store (i32.add (local.get $x) (local.get $at)) (local.get $vi))))
      (v128.store (i32.add (local.get $p) (local.get $at)) (f32x4.sub
        (f32x4.mul (local.get $KEEP) (local.get $pi))
        (f32x4.div
          (local.get $ui)
          (f32x4.add (f32x4.mul (f32x4.sqrt (local.get $vi)) (local.get $ROOT)) (local.get $EPS)))))
      (br_if $next (i32.lt_u
        (local.tee $at (i32.add (local.get $at) (i32.const 16)))
        (local.get $end)))))

  ;; b = mu b + c g'; p -= lr (nesterov ? g' + mu b : b); without $b, p -= lr g'
  (func (export "sgd")
    (param $p i32) (param $g i32) (param $b i32) (param $end i32)
    (param $mu f32) (param $c f32) (param $lr f32) (param $sign f32) (param $l2 f32) (param $nesterov i32)
    (local $at i32) (local $pi v128) (local $gi v128) (local $bi v128)
    (local $MU v128) (local $C v128) (local $LR v128) (local $SIGN v128)
    (local.set $MU (f32x4.splat (local.get $mu)))
    (local.set $C (f32x4.splat (local.get $c)))
    (local.set $LR (f32x4.splat (local.get $lr)))
    (local.set $SIGN (f32x4.splat (local.get $sign)))
    (loop $next
      (local.set $pi (v128.load (i32.add (local.get $p) (local.get $at))))
      (local.set $gi (f32x4.mul (v128.load (i32.add (local.get $g) (local.get $at))) (local.get $SIGN)))
      (if (f32.ne (local.get $l2) (f32.const 0)) (then
        (local.set $gi (f32x4.add (local.get $gi) (f32x4.mul (f32x4.splat (local.get $l2)) (local.get $pi))))))
      (if (local.get $b) (then
        (local.set $bi (f32x4.add
          (f32x4.mul (local.get $MU) (v128.load (i32.add (local.get $b) (local.get $at))))
          (f32x4.mul (local.get $C) (local.get $gi))))
        (v128.store (i32.add (local.get $b) (local.get $at)) (local.get $bi))
        (local.set $gi (if (result v128) (local.get $nesterov)
          (then (f32x4.add (local.get $gi) (f32x4.mul (local.get $MU) (local.get $bi))))
          (else (local.get $bi))))))
      (v128.store (i32.add (local.get $p) (local.get $at))
        (f32x4.sub (local.get $pi) (f32x4.mul (local.get $LR) (local.get $gi))))
      (br_if $next (i32.lt_u
        (local.tee $at (i32.add (local.get $at) (i32.const 16)))
        (local.get $end))))))
