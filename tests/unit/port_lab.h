/* SPDX-License-Identifier: BSD-2-Clause */
/* What tests of one port have in common: the port, and that no buffer is left of them. */
#ifndef SLUICE_TESTS_PORT_LAB_H
#define SLUICE_TESTS_PORT_LAB_H

#include "tests/unit/net_lab.h"
#include "tests/unit/unit.h"

static struct net_port port;

static void setup(void)
{
	lab_setup();
	port = lab_port(0);
}

static void teardown(void)
{
	ck_assert_uint_eq(lab_outstanding, 0);
}

#endif
