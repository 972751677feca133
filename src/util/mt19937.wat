;; mt19937 and dropout masks, four words at a time; assembled into generator.ts by scripts/wasm.ts.
;; Memory: the state at 0 (and behind it a copy of its first word), outputs at 4096, a mask at 8192.
(module
  (memory (import "host" "memory") 1)

  ;; Words at $i: state[i] = far ^ twist(state[i], state[i + 1]), outputs[i] = temper(state[i]); byte offsets.
  ;; far is state[i + 397], or from word 228 on state[i - 227]; word 227 takes it from the copy.
  (func (export "refill")
    (local $i i32) (local $far i32) (local $y v128) (local $v v128)
    (local.set $far (i32.const 1588))
    (loop $next
      (local.set $v (v128.load offset=4 (local.get $i)))
      (local.set $y (v128.xor
        (v128.load (local.get $far))
        (v128.xor
          (i32x4.shr_u
            (v128.or
              (v128.and (v128.load (local.get $i)) (v128.const i32x4 0x80000000 0x80000000 0x80000000 0x80000000))
              (v128.and (local.get $v) (v128.const i32x4 0x7fffffff 0x7fffffff 0x7fffffff 0x7fffffff)))
            (i32.const 1))
          (v128.and
            (i32x4.shr_s (i32x4.shl (local.get $v) (i32.const 31)) (i32.const 31))
            (v128.const i32x4 0x9908b0df 0x9908b0df 0x9908b0df 0x9908b0df)))))
      (v128.store (local.get $i) (local.get $y))
      (i32.store (i32.const 2496) (i32.load (i32.const 0)))
      (local.set $y (v128.xor (local.get $y) (i32x4.shr_u (local.get $y) (i32.const 11))))
      (local.set $y (v128.xor (local.get $y) (v128.and
        (i32x4.shl (local.get $y) (i32.const 7))
        (v128.const i32x4 0x9d2c5680 0x9d2c5680 0x9d2c5680 0x9d2c5680))))
      (local.set $y (v128.xor (local.get $y) (v128.and
        (i32x4.shl (local.get $y) (i32.const 15))
        (v128.const i32x4 0xefc60000 0xefc60000 0xefc60000 0xefc60000))))
      (v128.store offset=4096 (local.get $i)
        (v128.xor (local.get $y) (i32x4.shr_u (local.get $y) (i32.const 18))))
      (local.set $i (i32.add (local.get $i) (i32.const 16)))
      (local.set $far (i32.add (local.get $far) (i32.const 16)))
      (if (i32.eq (local.get $i) (i32.const 912)) (then (local.set $far (i32.const 4))))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 2496)))))

  ;; For each half of the outputs: the bits $one where it is at least $threshold, else 0. Four outputs a round, whole rounds.
  (func (export "mask") (param $threshold i32) (param $one i32)
    (local $i i32) (local $keep v128)
    (loop $next
      (local.set $keep (i16x8.ge_u
        (v128.load offset=4096 (local.get $i))
        (i16x8.splat (local.get $threshold))))
      (v128.store offset=8192 (i32.shl (local.get $i) (i32.const 1))
        (v128.and (i32x4.splat (local.get $one)) (i32x4.extend_low_i16x8_s (local.get $keep))))
      (v128.store offset=8208 (i32.shl (local.get $i) (i32.const 1))
        (v128.and (i32x4.splat (local.get $one)) (i32x4.extend_high_i16x8_s (local.get $keep))))
      (br_if $next (i32.lt_u
        (local.tee $i (i32.add (local.get $i) (i32.const 16)))
        (i32.const 2496))))))
