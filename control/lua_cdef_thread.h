/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What lua/thread.lua has of C, in the states that lcores have for themselves: read by the compiler
 * and by ffi.cdef(), as lua_cdef.h is. lua_cdef_dnsdist.h comes behind it. Questions are opaque.
 */
struct lua_question;

/* The code with this number, NULL: it does not compile; and where in the policy it is. */
const char *sluice_thread_text(uint32_t index, size_t *length);
const char *sluice_thread_place(uint32_t index);
bool sluice_thread_selects(uint32_t index); /* it is a selector's */
struct lua_question *sluice_thread_item(void); /* the packet in hand, while code runs */
