/* SPDX-License-Identifier: BSD-3-Clause */
/* A file that a process has mapped as code. Read by cffi too, as config.h is. */
#ifndef SOCKFILTER_MAPPING_H
#define SOCKFILTER_MAPPING_H

/* bytes of a path, with the zero at its end (PATH_MAX) */
#define SF_MAPPING_PATH_BYTES 4096

struct sf_mapping {
	__u64 inode;
	__u64 start;
	__u64 end;
	__u32 major;
	__u32 minor;
	__u32 pid;
	__u32 reserved;
	char path[SF_MAPPING_PATH_BYTES]; /* as the process sees it */
};

#endif
