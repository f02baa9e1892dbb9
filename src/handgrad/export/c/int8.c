/* == shifted == */
/* value / 2^shift, rounded, halves away from zero. */
static int32_t shifted(int64_t value, int shift)
{
    const int64_t half = ((int64_t)1 << shift) >> 1;
    return (int32_t)(value < 0 ? -((-value + half) >> shift) : (value + half) >> shift);
}

/* == clamped == */
static int8_t clamped(int32_t value, int low, int high)
{
    return (int8_t)(value < low ? low : value > high ? high : value);
}

/* == convolution == */
typedef struct {
    const int8_t *weight;
    const int32_t *bias;
    const int16_t *border;     /* what each input channel holds beyond the edge, minus zero */
    const int16_t *multiplier; /* sum * multiplier / 2^shift is on the scale of the output */
    const uint8_t *shift;
    uint16_t inputs, rows, columns, outputs, out_rows, out_columns, groups;
    uint8_t kernel_rows, kernel_columns, row_stride, column_stride, row_dilation, column_dilation;
    int8_t top, left; /* rows and columns of border before the first */
    int8_t zero, out_zero, low, high;
} Convolution;

/* What map o, of the kernel at `w`, has for one position, not yet on the scale of the output. */
static int32_t sum_under(const Convolution *c, const int8_t *w, const int8_t *x, int o, int row, int column)
{
    const int size = c->rows * c->columns, inputs = c->inputs / c->groups;
    const int row_end = row + c->kernel_rows * c->row_dilation, column_end = column + c->kernel_columns * c->column_dilation;
    const int first = o / (c->outputs / c->groups) * inputs;
    const int inside = row >= 0 && row_end - c->row_dilation < c->rows && column >= 0 && column_end - c->column_dilation < c->columns;
    int32_t sum = c->bias[o];
    int i, a, b;
    for (i = first; i < first + inputs; i++) {
        const int8_t *map = x + i * size;
        for (a = row; a < row_end; a += c->row_dilation) {
            for (b = column; b < column_end; b += c->column_dilation) {
                if (inside || (a >= 0 && a < c->rows && b >= 0 && b < c->columns))
                    sum += *w++ * (map[a * c->columns + b] - c->zero);
                else
                    sum += *w++ * (c->border ? c->border[i] : 0);
            }
        }
    }
    return sum;
}

/* == convolve map == */
/* One map, by the kernel at `weight`; returns where the next begins. */
static int8_t *convolve_map(const Convolution *c, int o, const int8_t *weight, const int8_t *x, int8_t *y)
{
    int r, k;
    for (r = 0; r < c->out_rows; r++) {
        for (k = 0; k < c->out_columns; k++) {
            const int32_t sum = sum_under(c, weight, x, o, r * c->row_stride - c->top, k * c->column_stride - c->left);
            *y++ = clamped(shifted((int64_t)sum * c->multiplier[o], c->shift[o]) + c->out_zero, c->low, c->high);
        }
    }
    return y;
}

/* == convolve == */
static void convolve(const Convolution *c, const int8_t *x, int8_t *y)
{
    const int taps = c->inputs / c->groups * c->kernel_rows * c->kernel_columns;
    int o;
    for (o = 0; o < c->outputs; o++) y = convolve_map(c, o, c->weight + o * taps, x, y);
}

/* == convolve tied == */
static void convolve_tied(const Convolution *c, int orbits, int8_t *kernel, const int8_t *x, int8_t *y)
{
    int o;
    for (o = 0; o < c->outputs; o++) {
        turned(c->weight, o, c->inputs / c->groups, c->kernel_rows, orbits, kernel);
        y = convolve_map(c, o, kernel, x, y);
    }
}

/* == score == */
static void score(const Convolution *c, const float *factor, const int8_t *x, float *y)
{
    const int taps = c->inputs / c->groups * c->kernel_rows * c->kernel_columns;
    int o, r, k;
    for (o = 0; o < c->outputs; o++) {
        const int8_t *w = c->weight + o * taps;
        for (r = 0; r < c->out_rows; r++)
            for (k = 0; k < c->out_columns; k++)
                *y++ = (float)sum_under(c, w, x, o, r * c->row_stride - c->top, k * c->column_stride - c->left) * factor[o];
    }
}

/* == pool == */
typedef struct {
    uint16_t channels, rows, columns, out_rows, out_columns, kernel_rows, kernel_columns;
    uint8_t row_stride, column_stride, row_dilation, column_dilation, average, counts_edge;
    int8_t top, left;
    int16_t multiplier;
    uint8_t shift;
    int8_t zero, out_zero;
} Pool;

/* The largest number under the window, or the sum of all, brought to that of a whole window, minus zero each. */
static int32_t pooled(const Pool *p, const int8_t *x, int row, int column)
{
    const int row_end = row + p->kernel_rows * p->row_dilation, column_end = column + p->kernel_columns * p->column_dilation;
    const int whole = p->kernel_rows * p->kernel_columns;
    int32_t largest = -128, sum = 0;
    int a, b, count = 0;
    for (a = row; a < row_end; a += p->row_dilation) {
        for (b = column; b < column_end; b += p->column_dilation) {
            if (a >= 0 && a < p->rows && b >= 0 && b < p->columns) {
                const int32_t value = x[a * p->columns + b];
                largest = value > largest ? value : largest;
                sum += value - p->zero;
                count++;
            }
        }
    }
    if (!p->average) return largest;
    if (p->counts_edge || count == whole) return sum;
    return (sum < 0 ? -1 : 1) * ((2 * (sum < 0 ? -sum : sum) * whole + count) / (2 * count));
}

/* == pool numbers == */
static void pool(const Pool *p, const int8_t *x, int8_t *y)
{
    int c, r, k;
    for (c = 0; c < p->channels; c++, x += p->rows * p->columns) {
        for (r = 0; r < p->out_rows; r++) {
            for (k = 0; k < p->out_columns; k++) {
                const int32_t value = pooled(p, x, r * p->row_stride - p->top, k * p->column_stride - p->left);
                *y++ = p->average ? clamped(shifted((int64_t)value * p->multiplier, p->shift) + p->out_zero, -128, 127)
                                  : (int8_t)value;
            }
        }
    }
}

/* == pool scores == */
static void pool_scores(const Pool *p, float factor, const int8_t *x, float *y)
{
    int c, r, k;
    for (c = 0; c < p->channels; c++, x += p->rows * p->columns)
        for (r = 0; r < p->out_rows; r++)
            for (k = 0; k < p->out_columns; k++)
                *y++ = (float)pooled(p, x, r * p->row_stride - p->top, k * p->column_stride - p->left) * factor;
}

/* == table == */
static void look_up(const int8_t table[256], int size, const int8_t *x, int8_t *y)
{
    int n;
    for (n = 0; n < size; n++) y[n] = table[x[n] + 128];
}

/* == joined == */
typedef struct {
    uint16_t shape[4], part[4];
    int16_t multiplier, other_multiplier;
    uint8_t shift;
    int8_t zero, other_zero, out_zero, low, high;
} Joined;

/* == add == */
static void add(const Joined *j, int size, const int8_t *x, const int8_t *other, int8_t *y)
{
    int n;
    for (n = 0; n < size; n++) {
        const int32_t first = (x[n] - j->zero) * j->multiplier;
        const int32_t second = (other[stretched(j->shape, j->part, n)] - j->other_zero) * j->other_multiplier;
        y[n] = clamped(shifted((int64_t)first + second, j->shift) + j->out_zero, j->low, j->high);
    }
}

/* == multiply == */
static void multiply(const Joined *j, int size, const int8_t *x, const int8_t *other, int8_t *y)
{
    int n;
    for (n = 0; n < size; n++) {
        const int32_t product = (x[n] - j->zero) * (other[stretched(j->shape, j->part, n)] - j->other_zero);
        y[n] = clamped(shifted((int64_t)product * j->multiplier, j->shift) + j->out_zero, j->low, j->high);
    }
}

/* == scale-shift == */
typedef struct {
    const int16_t *weight;
    const int32_t *bias;
    uint16_t shape[4], weights[4], biases[4];
    int16_t multiplier;
    uint8_t shift;
    int8_t zero, out_zero, low, high;
} ScaleShift;

static void scale_and_shift(const ScaleShift *s, int size, const int8_t *x, int8_t *y)
{
    int n;
    for (n = 0; n < size; n++) {
        const int64_t sum = (int64_t)(x[n] - s->zero) * s->weight[stretched(s->shape, s->weights, n)] +
                            s->bias[stretched(s->shape, s->biases, n)];
        y[n] = clamped(shifted(sum * s->multiplier, s->shift) + s->out_zero, s->low, s->high);
    }
}

/* == copy == */
static void copy(int size, const int8_t *x, int8_t *y)
{
    int n;
    for (n = 0; n < size; n++) y[n] = x[n];
}

/* == gather == */
/* A place of 65535 stands for a zero. */
static void gather(const uint16_t *index, int zero, int size, const int8_t *x, int8_t *y)
{
    int n;
    for (n = 0; n < size; n++) y[n] = index[n] == 65535 ? (int8_t)zero : x[index[n]];
}

/* == dequantise == */
static void dequantise(float scale, int zero, int size, const int8_t *x, float *y)
{
    int n;
    for (n = 0; n < size; n++) y[n] = (float)(x[n] - zero) * scale;
}
