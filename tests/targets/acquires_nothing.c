/* Makes no call of the allocator: what a tool counts of it is the tool's own, or the C library's. */
int main(void)
{
    return 0;
}
