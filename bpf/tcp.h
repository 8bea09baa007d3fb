/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0 */
/* Flags of the TCP header (RFC 9293, 3.1). Read as C by the programs and by user space. */
#ifndef SOCKFILTER_TCP_H
#define SOCKFILTER_TCP_H

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

#endif
