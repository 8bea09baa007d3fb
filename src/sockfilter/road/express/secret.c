/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tells whether a text may contain a secret, so that masking/ must look at it.
 * The tables are those of masking/names.py; a test compares the two. The lane
 * writes only texts that cannot contain a secret.
 */
#include <linux/types.h>
#include <string.h>

#include "inside.h"

struct trace {
	const char *text; /* in lower case, with - for _ */
	size_t len;
};

#define TRACE(text)                                                                                                    \
	{                                                                                                              \
		text, sizeof(text) - 1                                                                                 \
	}

/* STEMS and BEGINNINGS of masking/names.py, sorted */
static const struct trace traces[] = {
	TRACE("-pat"),	 TRACE("-live-"), TRACE("-test-"), TRACE("akia"),    TRACE("asia"),	   TRACE("aiza"),
	TRACE("assert"), TRACE("auth"),	  TRACE("bearer"), TRACE("bot"),     TRACE("code"),	   TRACE("cookie"),
	TRACE("cred"),	 TRACE("cvc"),	  TRACE("cvv"),	   TRACE("dop-v1-"), TRACE("eyj"),	   TRACE("gho-"),
	TRACE("ghp-"),	 TRACE("ghr-"),	  TRACE("ghs-"),   TRACE("ghu-"),    TRACE("github-pat-"), TRACE("glpat-"),
	TRACE("hmac"),	 TRACE("hvb."),	  TRACE("hvr."),   TRACE("hvs."),    TRACE("jw"),	   TRACE("key"),
	TRACE("npm-"),	 TRACE("oidc"),	  TRACE("otp"),	   TRACE("pass"),    TRACE("pin"),	   TRACE("private"),
	TRACE("pw"),	 TRACE("pwd"),	  TRACE("pypi-"),  TRACE("saml"),    TRACE("secret"),	   TRACE("sess"),
	TRACE("sg."),	 TRACE("shpat-"), TRACE("shpca-"), TRACE("shppa-"),  TRACE("shpss-"),	   TRACE("sid"),
	TRACE("sig"),	 TRACE("sk-"),	  TRACE("srf"),	   TRACE("token"),   TRACE("verifier"),	   TRACE("xox"),
	TRACE("ya29."),
};

/* for each first character of a trace, the letters that may follow it: one bit each */
static __u32 seconds[128];

#define LETTER(letter) (1U << ((letter) - 'a'))

/* Must be called before the first text. Further calls write the same values. */
static void prepare_traces(void)
{
	size_t i;

	for (i = 0; i < sizeof(traces) / sizeof(*traces); i++)
		seconds[(int)traces[i].text[0]] |= LETTER(traces[i].text[1]);
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c == '_' ? '-' : c;
}

static int begins_with(const char *at, const char *end, const struct trace *trace)
{
	size_t i;

	if ((size_t)(end - at) < trace->len)
		return 0;
	for (i = 1; i < trace->len; i++)
		if (lower(at[i]) != trace->text[i])
			return 0;
	return 1;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Whether a percent-encoded byte (RFC 3986, 2.1) may be part of a trace, an @, or a percent sign. */
static int hides_trace(const char *at, const char *end)
{
	int high, low, c;

	if (end - at < 3)
		return 0;
	high = hex_digit(at[1]);
	low = hex_digit(at[2]);
	if (high < 0 || low < 0)
		return 0;
	c = lower(high << 4 | low);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '@' || c == '%';
}

/* Looks for traces, for an @ after two slashes, which may end a password, and for encodings that may hide a trace. */
static int may_hold_secret(const char *at, size_t len)
{
	const char *first = at, *end = at + len;
	int has_slashes = 0;
	size_t i;

	for (; at < end; at++) {
		char c = lower(*at), next;

		if (c == '/')
			has_slashes |= at > first && at[-1] == '/';
		if ((c == '@' && has_slashes) || (c == '%' && hides_trace(at, end)) ||
		    (c == '\\' && end - at > 1 && at[1] == 'u'))
			return 1;
		next = end - at > 1 ? lower(at[1]) : 0;
		if (next < 'a' || next > 'z' || c < 0 || !(seconds[(int)c] & LETTER(next)))
			continue;
		for (i = 0; i < sizeof(traces) / sizeof(*traces); i++)
			if (traces[i].text[0] == c && begins_with(at, end, &traces[i]))
				return 1;
	}
	return 0;
}
