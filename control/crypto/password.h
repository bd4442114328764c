/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Passwords as their hash, in the form that dnsdist and the PHC string format have:
 * $scrypt$ln=10,p=1,r=8$salt$hash, both in base64. scrypt: RFC 7914.
 */
#ifndef SLUICE_CONTROL_CRYPTO_PASSWORD_H
#define SLUICE_CONTROL_CRYPTO_PASSWORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PASSWORD_TEXT_SIZE 160u /* with the NUL */
#define PASSWORD_WORK 1024u	/* of a hash for which nothing else is asked: 1 MiB and some ms */
#define PASSWORD_WORK_MAX 65536u
#define PASSWORD_COST_MAX 32768u /* work x parallel x block of what is checked: some 20 ms */
#define PASSWORD_GUESSES 10u	 /* wrong ones of all clients a second, where a hash is checked */

/*
 * The hash of a password with a salt of its own. `work`: a power of two, 2 to PASSWORD_WORK_MAX. 0,
 * -EINVAL, or -EIO: no randomness or no memory.
 */
int password_hash(const char *password, size_t length, uint32_t work,
		  char text[static PASSWORD_TEXT_SIZE]);

/* Whether a text has the form of a hash, one that takes no more than PASSWORD_COST_MAX. */
bool password_is_hash(const char *text, size_t length);

/* Whether the password has this hash; or, where `hash` is none, is that text. In constant time. */
bool password_matches(const char *hash, size_t hash_length, const char *password, size_t length);

/*
 * The same for strangers, by the control lcore: no more than PASSWORD_GUESSES wrong ones a second,
 * while what was right before is known again at once.
 */
bool password_try(const char *hash, size_t hash_length, const char *password, size_t length,
		  uint64_t second);

#endif
