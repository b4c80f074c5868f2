// SPDX-License-Identifier: GPL-2.0-only
/* That the tests beside this one ran on the processor that was asked for: without it, a
 * run for another byte order could pass on this machine's own.
 */
#include <string.h>
#include <sys/utsname.h>
#include "ktap.h"

static const char *order(void)
{
	static const volatile unsigned int one = 1;
	unsigned char first;

	memcpy(&first, (const void *)&one, 1);
	return first ? "little" : "big";
}

static void processor(void)
{
	struct utsname name;

	uname(&name);
	CHECK(!strcmp(name.machine, MACHINE));
}

static void byte_order(void)
{
	CHECK(!strcmp(order(), ORDER));
}

static const struct ktap_case cases[] = {
	KTAP_CASE(processor),
	KTAP_CASE(byte_order),
};

KTAP_MAIN(cases)
