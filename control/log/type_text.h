/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of record types, for people to read. */
#ifndef SLUICE_CONTROL_LOG_TYPE_TEXT_H
#define SLUICE_CONTROL_LOG_TYPE_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define TYPE_TEXT_SIZE 16u /* that is enough for any */

/* The name; of a type without one, TYPE and its number (RFC 3597) in `text`. */
const char *type_text_of(uint16_t type, char *text, size_t size);

#endif
