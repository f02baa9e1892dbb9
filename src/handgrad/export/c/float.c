/* == convolution == */
typedef struct {
    const float *weight, *bias, *border; /* border: what each input channel holds beyond the edge */
    uint16_t inputs, rows, columns, outputs, out_rows, out_columns, groups;
    uint8_t kernel_rows, kernel_columns, row_stride, column_stride, row_dilation, column_dilation;
    int8_t top, left; /* rows and columns of border before the first */
} Convolution;

/* One map, by the kernel at `weight`; returns where the next begins. */
static float *convolve_map(const Convolution *c, int o, const float *weight, const float *x, float *y)
{
    const int size = c->rows * c->columns, inputs = c->inputs / c->groups;
    const int row_reach = (c->kernel_rows - 1) * c->row_dilation, column_reach = (c->kernel_columns - 1) * c->column_dilation;
    const int first = o / (c->outputs / c->groups) * inputs;
    int i, r, k, a, b;
    for (r = 0; r < c->out_rows; r++) {
        const int row = r * c->row_stride - c->top;
        for (k = 0; k < c->out_columns; k++) {
            const int column = k * c->column_stride - c->left;
            const int inside = row >= 0 && row + row_reach < c->rows && column >= 0 && column + column_reach < c->columns;
            const float *w = weight;
            float sum = c->bias[o];
            for (i = first; i < first + inputs; i++) {
                const float *map = x + i * size;
                for (a = row; a <= row + row_reach; a += c->row_dilation) {
                    for (b = column; b <= column + column_reach; b += c->column_dilation) {
                        if (inside || (a >= 0 && a < c->rows && b >= 0 && b < c->columns))
                            sum += *w++ * map[a * c->columns + b];
                        else
                            sum += *w++ * (c->border ? c->border[i] : 0.0f);
                    }
                }
            }
            *y++ = sum;
        }
    }
    return y;
}

/* == convolve == */
static void convolve(const Convolution *c, const float *x, float *y)
{
    const int taps = c->inputs / c->groups * c->kernel_rows * c->kernel_columns;
    int o;
    for (o = 0; o < c->outputs; o++) y = convolve_map(c, o, c->weight + o * taps, x, y);
}

/* == convolve tied == */
static void convolve_tied(const Convolution *c, const float *factor, int orbits, float *kernel, const float *x, float *y)
{
    const int inputs = c->inputs / c->groups, taps = inputs * c->kernel_rows * c->kernel_columns;
    int o, n;
    for (o = 0; o < c->outputs; o++) {
        turned(c->weight, o, inputs, c->kernel_rows, orbits, kernel);
        for (n = 0; n < taps; n++) kernel[n] *= factor[o];
        y = convolve_map(c, o, kernel, x, y);
    }
}

/* == linear == */
static void multiply_matrix(const float *weight, const float *bias, int inputs, int outputs, const float *x, float *y)
{
    int o, i;
    for (o = 0; o < outputs; o++) {
        float sum = bias[o];
        for (i = 0; i < inputs; i++) sum += *weight++ * x[i];
        y[o] = sum;
    }
}

/* == pool == */
typedef struct {
    uint16_t channels, rows, columns, out_rows, out_columns, kernel_rows, kernel_columns;
    uint8_t row_stride, column_stride, row_dilation, column_dilation, average, counts_edge;
    int8_t top, left;
} Pool;

static void pool(const Pool *p, const float *x, float *y)
{
    int c, r, k, a, b;
    for (c = 0; c < p->channels; c++, x += p->rows * p->columns) {
        for (r = 0; r < p->out_rows; r++) {
            for (k = 0; k < p->out_columns; k++) {
                float result = 0.0f;
                int count = 0;
                for (a = 0; a < p->kernel_rows; a++) {
                    const int row = r * p->row_stride + a * p->row_dilation - p->top;
                    if (row < 0 || row >= p->rows) continue;
                    for (b = 0; b < p->kernel_columns; b++) {
                        const int column = k * p->column_stride + b * p->column_dilation - p->left;
                        if (column < 0 || column >= p->columns) continue;
                        {
                            const float value = x[row * p->columns + column];
                            if (p->average) result += value;
                            else if (count == 0 || value > result) result = value;
                            count++;
                        }
                    }
                }
                if (p->counts_edge) count = p->kernel_rows * p->kernel_columns;
                *y++ = p->average ? result / (float)count : result;
            }
        }
    }
}

/* == stretched == */
/* A value of up to four axes stretched to the shape of another: where its number for place n lies. */
static int stretched(const uint16_t shape[4], const uint16_t part[4], int n)
{
    int axis, place = 0, step = 1;
    for (axis = 3; axis >= 0; axis--) {
        if (part[axis] > 1) place += n % shape[axis] * step;
        step *= part[axis];
        n /= shape[axis];
    }
    return place;
}

/* == scale-shift == */
static void scale_and_shift(const float *scale, const float *shift, const uint16_t shape[4], const uint16_t scales[4],
                            const uint16_t shifts[4], int size, const float *x, float *y)
{
    int n;
    for (n = 0; n < size; n++) y[n] = x[n] * scale[stretched(shape, scales, n)] + shift[stretched(shape, shifts, n)];
}

/* == add == */
static void add(const uint16_t shape[4], const uint16_t part[4], int size, const float *x, const float *other, float *y)
{
    int n;
    for (n = 0; n < size; n++) y[n] = x[n] + other[stretched(shape, part, n)];
}

/* == multiply == */
static void multiply(const uint16_t shape[4], const uint16_t part[4], int size, const float *x, const float *other, float *y)
{
    int n;
    for (n = 0; n < size; n++) y[n] = x[n] * other[stretched(shape, part, n)];
}

/* == copy == */
static void copy(int size, const float *x, float *y)
{
    int n;
    for (n = 0; n < size; n++) y[n] = x[n];
}

/* == gather == */
/* A place of 65535 stands for a zero. */
static void gather(const uint16_t *index, int size, const float *x, float *y)
{
    int n;
    for (n = 0; n < size; n++) y[n] = index[n] == 65535 ? 0.0f : x[index[n]];
}

/* == square root == */
static float square_root(float x)
{
    float root = x > 1.0f ? x : 1.0f;
    int n;
    if (x <= 0.0f) return 0.0f;
    for (n = 0; n < 80; n++) { /* Newton's rule, from above: halves until near, then doubles the digits */
        const float next = 0.5f * (root + x / root);
        if (next >= root) break;
        root = next;
    }
    return root;
}

/* == exponential == */
static float exponential(float x)
{
    float term = 1.0f, sum = 1.0f, rest;
    int power, n;
    if (x < -87.0f) return 0.0f;
    if (x > 88.0f) x = 88.0f;
    power = (int)(x * 1.44269504f + (x < 0.0f ? -0.5f : 0.5f)); /* x = power * ln 2 + rest, |rest| <= 0.35 */
    rest = x - (float)power * 0.693359375f + (float)power * 2.12194440e-4f; /* ln 2 in two parts, the first exact */
    for (n = 1; n < 9; n++) sum += term *= rest / (float)n;
    for (; power > 0; power--) sum *= 2.0f;
    for (; power < 0; power++) sum *= 0.5f;
    return sum;
}

/* == logarithm == */
static float logarithm(float x)
{
    float power = 0.0f, part, square, sum = 0.0f;
    int n;
    if (!(x > 0.0f)) return -87.0f;
    for (; x > 1.41421356f; x *= 0.5f) power += 1.0f;
    for (; x < 0.707106781f; x *= 2.0f) power -= 1.0f;
    part = (x - 1.0f) / (x + 1.0f); /* ln x = 2 (part + part^3 / 3 + part^5 / 5 + ...) */
    square = part * part;
    for (n = 11; n > 0; n -= 2) sum = sum * square + 1.0f / (float)n;
    return power * 0.693147181f + 2.0f * part * sum;
}

/* == sigmoid == */
static float sigmoid(float x)
{
    const float small = exponential(x < 0.0f ? x : -x);
    return x < 0.0f ? small / (1.0f + small) : 1.0f / (1.0f + small);
}

/* == hyperbolic tangent == */
static float hyperbolic_tangent(float x)
{
    const float square = x * x;
    if (square < 0.04f) return x * (1.0f - square * (1.0f / 3.0f - square * (2.0f / 15.0f - square * 17.0f / 315.0f)));
    return 2.0f * sigmoid(2.0f * x) - 1.0f;
}

/* == softplus == */
static float softplus(float x)
{
    return (x > 0.0f ? x : 0.0f) + logarithm(1.0f + exponential(x > 0.0f ? -x : x));
}

/* == error function == */
/* Abramowitz and Stegun, 7.1.26: to 1.5e-7. */
static float error_function(float x)
{
    const float size = x < 0.0f ? -x : x, t = 1.0f / (1.0f + 0.3275911f * size);
    const float series =
        t * (0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
    const float result = 1.0f - series * exponential(-size * size);
    return x < 0.0f ? -result : result;
}

/* == sine == */
static float sine(float x)
{
    float square, term, sum;
    int n;
    const int turns = (int)(x * 0.318309886f + (x < 0.0f ? -0.5f : 0.5f)); /* x = turns * pi + rest, |rest| <= pi / 2 */
    x = x - (float)turns * 3.140625f - (float)turns * 9.67653590e-4f;
    square = x * x;
    sum = term = x;
    for (n = 3; n < 14; n += 2) sum += term *= -square / (float)(n * (n - 1));
    return turns % 2 ? -sum : sum;
}

/* == standardise == */
static void standardise(int groups, int size, float epsilon, const float *x, float *y)
{
    int g, n;
    for (g = 0; g < groups; g++, x += size, y += size) {
        float mean = 0.0f, variance = 0.0f, factor;
        for (n = 0; n < size; n++) mean += x[n];
        mean /= (float)size;
        for (n = 0; n < size; n++) variance += (x[n] - mean) * (x[n] - mean);
        factor = 1.0f / square_root(variance / (float)size + epsilon);
        for (n = 0; n < size; n++) y[n] = (x[n] - mean) * factor;
    }
}

/* == softmax == */
static void softmax(int size, int logarithms, const float *x, float *y)
{
    float largest = x[0], sum = 0.0f;
    int n;
    for (n = 1; n < size; n++) largest = x[n] > largest ? x[n] : largest;
    for (n = 0; n < size; n++) sum += exponential(x[n] - largest);
    for (n = 0; n < size; n++)
        y[n] = logarithms ? x[n] - largest - logarithm(sum) : exponential(x[n] - largest) / sum;
}
