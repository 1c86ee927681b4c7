/* + - * on floating point numbers of type T. Define T and NAME; both are undefined at the end. */
#define CAT_(a, b) a##b
#define CAT(a, b) CAT_(a, b)

static inline __attribute__((always_inline)) T CAT(NAME, _one)(enum arith op, T a, T b) {
    return op == ARITH_ADD ? a + b : op == ARITH_SUBTRACT ? a - b : a * b;
}

static inline __attribute__((always_inline)) void
CAT(NAME, _loop)(enum arith op, const T *restrict a, size_t step_a, const T *restrict b,
                 size_t step_b, T *restrict out, size_t rows) {
    size_t row = 0;
    for (; row + 64 <= rows; row += 64)
        for (size_t i = 0; i < 64; i++)
            out[row + i] = CAT(NAME, _one)(op, a[(row + i) * step_a], b[(row + i) * step_b]);
    for (; row < rows; row++) out[row] = CAT(NAME, _one)(op, a[row * step_a], b[row * step_b]);
}

static inline __attribute__((always_inline)) void CAT(NAME, _shape)(enum arith op, const T *a,
                                                                    bool const_a, const T *b,
                                                                    bool const_b, T *out,
                                                                    size_t rows) {
    if (const_a)
        CAT(NAME, _loop)(op, a, 0, b, const_b ? 0 : 1, out, rows);
    else if (const_b)
        CAT(NAME, _loop)(op, a, 1, b, 0, out, rows);
    else
        CAT(NAME, _loop)(op, a, 1, b, 1, out, rows);
}

static void NAME(enum arith op, const T *a, bool const_a, const T *b, bool const_b, T *out,
                 size_t rows) {
    if (op == ARITH_ADD)
        CAT(NAME, _shape)(ARITH_ADD, a, const_a, b, const_b, out, rows);
    else if (op == ARITH_SUBTRACT)
        CAT(NAME, _shape)(ARITH_SUBTRACT, a, const_a, b, const_b, out, rows);
    else
        CAT(NAME, _shape)(ARITH_MULTIPLY, a, const_a, b, const_b, out, rows);
}

#undef CAT
#undef CAT_
#undef T
#undef NAME
