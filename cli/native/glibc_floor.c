/* glibc 2.29 gave these functions other versions, which differ in how they report errors to those who ask for it. The
 * runtime does not: bound to those of before, the executable starts on systems that have nothing newer. */
#if defined(__x86_64__)
#define FLOOR "GLIBC_2.2.5"
#elif defined(__aarch64__)
#define FLOOR "GLIBC_2.17"
#endif

__asm__(".symver floor_exp, exp@" FLOOR);
__asm__(".symver floor_log, log@" FLOOR);
__asm__(".symver floor_pow, pow@" FLOOR);

double floor_exp(double x);
double floor_log(double x);
double floor_pow(double x, double y);

double exp(double x)
{
    return floor_exp(x);
}

double log(double x)
{
    return floor_log(x);
}

double pow(double x, double y)
{
    return floor_pow(x, y);
}
