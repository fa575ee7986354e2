/* placeholder until the hook is written */ typedef int ar_unused;
