/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/reload.h"

#include "control/lists/feed.h"
#include "control/log/log.h"
#include "control/log/writer.h"
#include "control/lua/policy.h"
#include "control/works.h"
#include "dataplane/clock.h"

#define NUMBERS_MS 250	    /* between tries to find numbers for servers, at least */
#define NUMBERS_MAX_MS 2000 /* without any sign that there are more */
#define SLICE_NS 2000000u
#define SLICE_MS 2 /* and as long for the others, if they have anything to do */

static uint64_t clock_ms(const struct control *control)
{
	return clock_now() / control->tsc_per_ms;
}

/* Whether the policy comes into force by itself, later. */
static bool waits(struct control *control, int result)
{
	enum control_reload before = control->reload_cause;
	control->reload = CONTROL_RELOAD_NONE;
	if (result == LUA_POLICY_WAITS) {
		control->reload = CONTROL_RELOAD_LISTS;
		log_info("the policy comes into force when its %s",
			 feeds_loading(control->feeds) > 0
				 ? "lists have been read"
				 : "regular expressions are compiled and its tables filled");
	} else if (result == LUA_POLICY_SHORT) {
		control->reload = CONTROL_RELOAD_SERVERS;
		control->reload_looked = clock_ms(control);
		control->reload_numbers = policy_registry_numbers(control->registry);
		/* A policy that takes long to read is not all that this lcore does meanwhile. */
		uint64_t took = control->reload_looked - control->reload_began;
		control->reload_pause = RTE_MAX(4 * took, (uint64_t)NUMBERS_MS);
		if (before != CONTROL_RELOAD_SERVERS)
			log_info("the policy comes into force when queries to servers that have "
				 "left have ended, as there are too many of those");
	}
	return control->reload != CONTROL_RELOAD_NONE;
}

/* What can change while packets flow; the rest needs a restart. */
static void config_take(struct control *control, struct config *fresh)
{
	char *policy = control->config->policy;
	control->config->async.on_overflow = fresh->async.on_overflow;
	control->config->async.on_expiry = fresh->async.on_expiry;
	control->config->log = fresh->log;
	control->config->policy = fresh->policy;
	fresh->policy = policy;
	async_set_on_expiry(control->async, (enum async_fate)control->config->async.on_expiry);
	log_setup((enum log_level)control->config->log.level,
		  control->config->log.format == CONFIG_LOG_JSON);
}

/* Nobody should take for changed what is as it was. */
static void restart_tell(const struct control *control)
{
	char keys[512];
	if (config_changes(control->config, control->reload_fresh, keys, sizeof(keys)))
		log_warning("changed, but in force only after a restart: %s", keys);
}

static void fresh_free(struct control *control)
{
	if (control->reload_fresh != NULL)
		config_free(control->reload_fresh);
	control->reload_fresh = NULL;
}

static void end(struct control *control, int result, const char *error)
{
	bool later = waits(control, result);
	if (!later && result == 0) {
		config_take(control, control->reload_fresh);
		log_info("policy reloaded");
		restart_tell(control);
	} else if (!later) {
		log_error("%s", error);
		log_error("the policy is refused, the old one stays in force");
	}
	fresh_free(control);
}

static void begin(struct control *control)
{
	struct config_errors errors = {0};
	control->reload_cause = control->reload;
	control->reload_asked = false;
	control->reload = CONTROL_RELOAD_NONE;
	control->reload_fresh = config_load(control->config_path, &errors);
	for (size_t i = 0; i < errors.count; i++)
		log_error("%s:%u:%u: %s", errors.file, errors.errors[i].line,
			  errors.errors[i].column, errors.errors[i].message);
	config_errors_free(&errors);
	if (control->reload_fresh == NULL) {
		log_error("the configuration is refused, the old one stays in force");
		return;
	}
	control->reload = CONTROL_RELOAD_READING;
	control->reload_began = control->reload_sliced = clock_ms(control);
}

void reload_ask(struct control *control)
{
	log_writer_reopen(control->log_writer, -1);
	if (control->ended != 0) {
		log_info("SIGHUP reads no policy: we are stopping");
		return;
	}
	feeds_check(control->feeds);
	control->reload_asked = true;
}

static bool slice_is_due(const struct control *control, bool idle)
{
	return idle || clock_ms(control) - control->reload_sliced >= SLICE_MS;
}

bool reload_turn(struct control *control, bool idle)
{
	char error[2048];
	if (control->reload != CONTROL_RELOAD_READING) {
		if (!control->reload_asked || control->ended != 0)
			return false;
		begin(control);
		return true;
	}
	if (!slice_is_due(control, idle))
		return false;
	const char *path = control->policy_path ? control->policy_path : control->reload_fresh->policy;
	int result = lua_policy_read(control, path, SLICE_NS, error, sizeof(error));
	if (result != LUA_POLICY_READING)
		end(control, result, error);
	control->reload_sliced = clock_ms(control);
	return true;
}

/*
 * Servers that find numbers now may have found none the last time. Some may have come between that and
 * the count, so that after a while it is tried without more of them.
 */
static bool numbers_came(const struct control *control)
{
	uint64_t waited = clock_ms(control) - control->reload_looked;
	return waited >= control->reload_pause &&
	       (waited >= NUMBERS_MAX_MS ||
		policy_registry_numbers(control->registry) > control->reload_numbers);
}

static bool is_due(const struct control *control)
{
	if (control->reload == CONTROL_RELOAD_LISTS)
		return feeds_loading(control->feeds) == 0 &&
		       policy_registry_left(control->registry) == 0;
	return control->reload == CONTROL_RELOAD_SERVERS && numbers_came(control);
}

void reload_tick(struct control *control)
{
	/* What a policy asked for that is not in force is not in use yet. */
	bool reads = control->reload == CONTROL_RELOAD_READING;
	bool keep = control->reload == CONTROL_RELOAD_LISTS;
	feeds_turn(control->feeds, keep || reads);
	if (works_turn(control->works) > 0)
		lua_policy_came(control);
	/* What a reading before asked for, this one may not have come to as yet. */
	if (!reads)
		policy_registry_tidy(control->registry, keep);
	if (control->ended == 0 && is_due(control))
		begin(control);
}

void reload_again(struct control *control)
{
	if (control->reload != CONTROL_RELOAD_READING)
		return;
	lua_policy_read_drop(control);
	fresh_free(control);
	control->reload = CONTROL_RELOAD_NONE;
	control->reload_asked = true;
}

void reload_stop(struct control *control)
{
	reload_again(control);
	control->reload_asked = false;
}
