/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/* What user space has set before the load. Where the program runs in user space, replay.c has it. */
#ifndef SOCKFILTER_CONFIG_BPF_H
#define SOCKFILTER_CONFIG_BPF_H

#include "../config.h"

#ifdef __bpf__
const volatile struct sf_config config;
#endif

#endif
