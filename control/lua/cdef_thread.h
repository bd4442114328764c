/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What lua/thread.lua has of C, in the states that lcores have for themselves: read by the compiler
 * and by ffi.cdef(), as lua/cdef.h is. lua/cdef_dnsdist.h comes behind it. Questions are opaque.
 */
struct lua_question;
struct balance_list;

/* The code with this number, NULL: it does not compile; and where in the policy it is. */
const char *sluice_thread_text(uint32_t index, size_t *length);
const char *sluice_thread_place(uint32_t index);
uint32_t sluice_thread_kind(uint32_t index); /* 0: of an action, 1: a selector, 2: a server policy */
bool sluice_guarded(void); /* what they give is for one call only */
struct lua_question *sluice_thread_item(void); /* the packet in hand, while code runs */
const struct balance_list *sluice_thread_servers(void); /* a server policy's, likewise */

/* What the code returned: written straight to memory, which takes a third of handing over values. */
double *sluice_thread_answer(void);
/* The string that came with it. */
bool sluice_thread_text_store(const char *text, size_t length);
