/* cmd_dma.h - what cmd_dma.c and cmd_dma_transfer.c share. */
#ifndef REPL_CMD_DMA_H
#define REPL_CMD_DMA_H

#include "kernel/dma_mapping.h"
#include "repl/cmd.h"

/* The device of the first argument; NULL and c->err set if there is none. */
struct device *cmd_device(struct cmd_ctx *c);

#endif
