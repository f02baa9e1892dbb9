/* == turned == */
/* Kernel o as symmetry o % 8 of a square moves the learned one: mirrored from 4 on, then o % 4 quarter turns. Where it reads
   whole orbits of eight maps, these change places in the same way. */
static void turned(const NUMBER *weight, int o, int inputs, int size, int orbits, NUMBER *kernel)
{
    const NUMBER *learned = weight + o / 8 * inputs * size * size;
    const int g = o % 8;
    int i, r, c, t;
    for (i = 0; i < inputs; i++) {
        const int map = orbits ? (i & ~7) | ((i ^ g) & 4) | ((g < 4 ? i - g : g - i) & 3) : i;
        for (r = 0; r < size; r++) {
            for (c = 0; c < size; c++) {
                int row = r, column = c;
                for (t = 0; t < (g & 3); t++) {
                    const int before = row;
                    row = column;
                    column = size - 1 - before;
                }
                if (g & 4) column = size - 1 - column;
                *kernel++ = learned[(map * size + row) * size + column];
            }
        }
    }
}
