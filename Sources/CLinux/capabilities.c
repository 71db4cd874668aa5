#include "capabilities.h"

#ifdef __linux__

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int clinux_capabilities_keep(uint64_t mask) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -errno;
    /* Not an error without CAP_SETPCAP: nothing that is executed gets more than there is. */
    for (int capability = 0; capability < 64; capability++)
        if (!(mask >> capability & 1)) prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct data[2] = {0};
    if (syscall(SYS_capget, &header, data) != 0) return -errno;
    for (int word = 0; word < 2; word++) {
        data[word].permitted &= (uint32_t)(mask >> (32 * word));
        data[word].effective = data[word].permitted;
        data[word].inheritable = 0;
    }
    return syscall(SYS_capset, &header, data) == 0 ? 0 : -errno;
}

#else

int clinux_capabilities_keep(uint64_t mask) {
    (void)mask;
    return 0;
}

#endif
