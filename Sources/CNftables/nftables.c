#include "polyhub_nftables.h"

#ifdef __linux__

#include <nftables/libnftables.h>
#include <stdio.h>

int nftables_run(const char *commands, char *error, size_t capacity)
{
    struct nft_ctx *context = nft_ctx_new(NFT_CTX_DEFAULT);
    if (context == NULL) {
        snprintf(error, capacity, "no netlink socket for nftables");
        return -1;
    }
    nft_ctx_buffer_output(context);
    nft_ctx_buffer_error(context);
    int result = nft_run_cmd_from_buffer(context, commands);
    const char *text = result == 0 ? "" : nft_ctx_get_error_buffer(context);
    snprintf(error, capacity, "%s", text ? text : "");
    nft_ctx_free(context);
    return result;
}

#endif
