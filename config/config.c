/* SPDX-License-Identifier: BSD-2-Clause */
#include "config/schema.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/ports.h"

#define OFFSET(field) offsetof(struct config, field)

static const char *const hugepages_choices[] = {"auto", "require", "never", NULL};
static const char *const idle_choices[] = {"poll", "auto", NULL};
static const char *const fate_choices[] = {"resume", "servfail", "refused", "drop", NULL};
static const char *const tcp_choices[] = {"auto", "off", NULL};
static const char *const level_choices[] = {"debug", "info", "warning", "error", NULL};
static const char *const format_choices[] = {"text", "json", NULL};

static void eal_argument_read(struct loader *loader, yaml_node_t *node, void *into)
{
	struct config *config = into;
	const char *text = schema_scalar(loader, node, "args");
	if (text != NULL)
		config->eal.args[config->eal.n_args++] = strdup(text);
}

static void eal_arguments_read(struct loader *loader, yaml_node_t *node, void *into)
{
	schema_items(loader, node, "args", CONFIG_LIST_MAX, eal_argument_read, into);
}

/* A CPU number that exists and that no other lcore has. */
static bool cpu_read(struct loader *loader, yaml_node_t *node, const char *what, uint32_t *cpu)
{
	const char *text = schema_scalar(loader, node, what);
	if (text == NULL)
		return false;
	if (!schema_number(text, cpu))
		schema_error(loader, &node->start_mark, "%s: expected a CPU number, found '%.40s'",
			     what, text);
	else if (!loader->cpu(*cpu))
		schema_error(loader, &node->start_mark, "%s: there is no CPU %.40s here", what, text);
	else
		return true;
	return false;
}

static void control_read(struct loader *loader, yaml_node_t *node, void *into)
{
	struct config *config = into;
	loader->control_given = true;
	loader->control_wrong = !cpu_read(loader, node, "control", &config->lcores.control);
}

static void worker_read(struct loader *loader, yaml_node_t *node, void *into)
{
	struct config *config = into;
	uint32_t cpu;
	if (!cpu_read(loader, node, "workers", &cpu))
		return;
	loader->worker_marks[config->lcores.n_workers] = node->start_mark;
	config->lcores.workers[config->lcores.n_workers++] = cpu;
}

static void workers_read(struct loader *loader, yaml_node_t *node, void *into)
{
	schema_items(loader, node, "workers", CONFIG_WORKERS_MAX, worker_read, into);
	if (node->type == YAML_SEQUENCE_NODE &&
	    node->data.sequence.items.start == node->data.sequence.items.top)
		schema_error(loader, &node->start_mark, "workers: at least one is needed");
}

static void share_read(struct loader *loader, yaml_node_t *node, void *into)
{
	size_t before = loader->errors->count;
	schema_bool(loader, "share", node, &((struct config *)into)->lcores.share);
	loader->share_wrong = loader->errors->count != before;
}

static void listen_read(struct loader *loader, yaml_node_t *node, void *into)
{
	(void)into;
	loader->listen = node;
}

static void metrics_listen_read(struct loader *loader, yaml_node_t *node, void *into)
{
	struct config *config = into;
	const char *text = schema_scalar(loader, node, "listen");
	if (text == NULL)
		return;
	config->metrics.off = strcmp(text, "off") == 0;
	struct config_address *listen = &config->metrics.listen;
	if (!config->metrics.off && (config_address_parse(text, listen) != 0 ||
				     listen->port == 0 || listen->has_prefix))
		schema_error(loader, &node->start_mark,
			     "listen: expected address:port or off, found '%.60s'", text);
}

/* A path that no unix socket can have is said here, with its place. */
static void console_socket_read(struct loader *loader, yaml_node_t *node, void *into)
{
	struct config *config = into;
	const char *text = schema_scalar(loader, node, "socket");
	if (text == NULL)
		return;
	if (*text == '\0' || strlen(text) >= CONFIG_SOCKET_PATH_SIZE) {
		schema_error(loader, &node->start_mark,
			     "socket: expected a path of 1 to %u bytes or off, found %zu",
			     CONFIG_SOCKET_PATH_SIZE - 1, strlen(text));
		return;
	}
	config->console.off = strcmp(text, "off") == 0;
	config->console.socket = strdup(text);
}

static const struct schema eal_schema[] = {
	{"hugepages", SCHEMA_CHOICE, OFFSET(eal.hugepages), .choices = hugepages_choices},
	{"memory", SCHEMA_NUMBER, OFFSET(eal.memory), 64, 1u << 20},
	{"args", SCHEMA_CUSTOM, .read = eal_arguments_read},
	{0},
};

static const struct schema lcores_schema[] = {
	{"control", SCHEMA_CUSTOM, .read = control_read},
	{"workers", SCHEMA_CUSTOM, .read = workers_read, .required = true},
	{"idle", SCHEMA_CHOICE, OFFSET(lcores.idle), .choices = idle_choices},
	{"share", SCHEMA_CUSTOM, .read = share_read},
	{0},
};

static const struct schema async_schema[] = {
	{"max_suspended", SCHEMA_NUMBER, OFFSET(async.max_suspended), 1, 4000000},
	{"message_size", SCHEMA_NUMBER, OFFSET(async.message_size), 64, 4096},
	{"on_expiry", SCHEMA_CHOICE, OFFSET(async.on_expiry), .choices = fate_choices},
	{"on_overflow", SCHEMA_CHOICE, OFFSET(async.on_overflow), .choices = fate_choices},
	{"rewrite_ids", SCHEMA_BOOL, OFFSET(async.rewrite_ids)},
	{"send_queue", SCHEMA_NUMBER, OFFSET(async.send_queue), 1, 1u << 20},
	{0},
};

static const struct schema dataplane_schema[] = {
	{"max_inflight", SCHEMA_NUMBER, OFFSET(dataplane.max_inflight), 64, 16u << 20},
	{"max_delayed", SCHEMA_NUMBER, OFFSET(dataplane.max_delayed), 64, 1u << 20},
	{"rx_buffers", SCHEMA_NUMBER, OFFSET(dataplane.rx_buffers), 0, 16u << 20},
	{"rx_ring", SCHEMA_NUMBER, OFFSET(dataplane.rx_ring), 64, 32768},
	{"tx_ring", SCHEMA_NUMBER, OFFSET(dataplane.tx_ring), 64, 32768},
	{0},
};

static const struct schema fragments_schema[] = {
	{"max", SCHEMA_NUMBER, OFFSET(fragments.max), 0, 65536},
	{"timeout", SCHEMA_DURATION, OFFSET(fragments.timeout), 10, 60000},
	{0},
};

static const struct schema lua_schema[] = {
	{"watchdog", SCHEMA_DURATION, OFFSET(lua.watchdog), 1, 60000},
	{"memory", SCHEMA_NUMBER, OFFSET(lua.memory), 16, 65536},
	{0},
};

static const struct schema tcp_schema[] = {
	{"listen", SCHEMA_CHOICE, OFFSET(tcp.listen), .choices = tcp_choices},
	{"connections", SCHEMA_NUMBER, OFFSET(tcp.connections), 1, 65535},
	{"queries", SCHEMA_NUMBER, OFFSET(tcp.queries), 64, 1u << 20},
	{"buffers", SCHEMA_NUMBER, OFFSET(tcp.buffers), 1, 65536},
	{0},
};

static const struct schema shutdown_schema[] = {
	{"grace", SCHEMA_DURATION, OFFSET(shutdown.grace), 0, 600000},
	{0},
};

static const struct schema metrics_schema[] = {
	{"listen", SCHEMA_CUSTOM, .read = metrics_listen_read},
	{0},
};

static const struct schema console_schema[] = {
	{"socket", SCHEMA_CUSTOM, .read = console_socket_read},
	{0},
};

static const struct schema log_schema[] = {
	{"level", SCHEMA_CHOICE, OFFSET(log.level), .choices = level_choices},
	{"format", SCHEMA_CHOICE, OFFSET(log.format), .choices = format_choices},
	{0},
};

static const struct schema top_schema[] = {
	{"eal", SCHEMA_MAPPING, .children = eal_schema},
	{"lcores", SCHEMA_MAPPING, .children = lcores_schema, .required = true},
	{"ports", SCHEMA_CUSTOM, .read = config_ports_read, .required = true},
	{"listen", SCHEMA_CUSTOM, .read = listen_read},
	{"policy", SCHEMA_STRING, OFFSET(policy)},
	{"async", SCHEMA_MAPPING, .children = async_schema},
	{"dataplane", SCHEMA_MAPPING, .children = dataplane_schema},
	{"fragments", SCHEMA_MAPPING, .children = fragments_schema},
	{"lua", SCHEMA_MAPPING, .children = lua_schema},
	{"tcp", SCHEMA_MAPPING, .children = tcp_schema},
	{"shutdown", SCHEMA_MAPPING, .children = shutdown_schema},
	{"metrics", SCHEMA_MAPPING, .children = metrics_schema},
	{"console", SCHEMA_MAPPING, .children = console_schema},
	{"log", SCHEMA_MAPPING, .children = log_schema},
	{0},
};

static struct config *defaults(void)
{
	struct config *config = calloc(1, sizeof(*config));
	if (config == NULL)
		return NULL;
	config->eal.memory = 512;
	config->lcores.idle = CONFIG_IDLE_AUTO;
	config->async.max_suspended = 65536;
	config->async.message_size = 176;
	config->async.rewrite_ids = true;
	config->async.send_queue = 4096;
	config->dataplane.max_inflight = 65536;
	config->dataplane.max_delayed = 4096;
	config->dataplane.rx_ring = 1024;
	config->dataplane.tx_ring = 1024;
	config->fragments.max = 256;
	config->fragments.timeout = 1000;
	config->lua.watchdog = 50;
	config->lua.memory = 256;
	config->tcp.connections = 16384;
	config->tcp.queries = 2048;
	config->tcp.buffers = 16;
	config->shutdown.grace = 2000;
	config->log.level = CONFIG_LOG_INFO;
	config_address_parse("127.0.0.1:8083", &config->metrics.listen);
	return config;
}

/* CPUs used twice are seen once all are known: `share` may stand behind them. */
static void cpus_check(struct loader *loader)
{
	struct config *config = loader->config;
	if (config->lcores.share || loader->share_wrong)
		return;
	for (unsigned i = 0; i < config->lcores.n_workers; i++) {
		uint32_t cpu = config->lcores.workers[i];
		bool twice = !loader->control_wrong && cpu == config->lcores.control;
		for (unsigned j = 0; j < i; j++)
			twice |= cpu == config->lcores.workers[j];
		if (twice)
			schema_error(loader, &loader->worker_marks[i],
				     "workers: CPU %u is used twice; set 'share: true' if that is "
				     "meant",
				     cpu);
	}
}

/* The control lcore's CPU that nobody chose has to exist, too. */
static void control_check(struct loader *loader, const yaml_mark_t *mark)
{
	uint32_t cpu = loader->config->lcores.control;
	if (!loader->control_given && !loader->cpu(cpu))
		schema_error(loader, mark, "lcores: there is no CPU %u here; set 'control'", cpu);
}

static int error_compare(const void *a, const void *b)
{
	const struct config_error *left = a, *right = b;
	if (left->line != right->line)
		return left->line < right->line ? -1 : 1;
	return left->column < right->column ? -1 : left->column > right->column;
}

static void document_read(struct loader *loader)
{
	yaml_node_t *root = yaml_document_get_root_node(&loader->document);
	if (root == NULL) {
		schema_error(loader, &(yaml_mark_t){0}, "the file is empty");
		return;
	}
	schema_read(loader, top_schema, root, "the configuration", loader->config);
	if (root->type != YAML_MAPPING_NODE)
		return;
	yaml_mark_t mark = schema_mark(loader, root, "lcores");
	control_check(loader, &mark);
	cpus_check(loader);
	config_ports_check(loader);
	config_listen_read(loader, loader->listen);
}

/*
 * The CPUs that the process started with: once it runs, each of its threads is bound to one, and a
 * reload must still accept the others.
 */
static bool machine_has_cpu(uint32_t cpu)
{
	static cpu_set_t set;
	static bool known;
	if (!known && sched_getaffinity(0, sizeof(set), &set) == 0)
		known = true;
	return known && cpu < CPU_SETSIZE && CPU_ISSET(cpu, &set);
}

/* Bytes that are no text have an offset only. */
static void parser_error(struct loader *loader, const yaml_parser_t *parser, const char *data,
			 size_t size)
{
	yaml_mark_t mark = parser->problem_mark;
	if (parser->error == YAML_READER_ERROR) {
		mark = (yaml_mark_t){0};
		for (size_t i = 0; i < size && i < parser->problem_offset; i++) {
			mark.column = data[i] == '\n' ? 0 : mark.column + 1;
			mark.line += data[i] == '\n';
		}
	}
	schema_error(loader, &mark, "%s", parser->problem ? parser->problem : "not YAML");
}

/* What stands behind the first document would be passed over in silence. */
static void end_check(struct loader *loader, yaml_parser_t *parser, const char *data, size_t size)
{
	yaml_document_t second;
	if (!yaml_parser_load(parser, &second)) {
		parser_error(loader, parser, data, size);
		return;
	}
	if (yaml_document_get_root_node(&second) != NULL)
		schema_error(loader, &second.start_mark, "a second document; one is possible");
	yaml_document_delete(&second);
}

/* What could be read, and defaults for the rest. NULL: no memory. */
static struct config *buffer_read(const char *data, size_t size, config_cpu_fn *cpu,
				  struct config_errors *errors)
{
	struct loader loader = {.errors = errors, .cpu = cpu ? cpu : machine_has_cpu};
	yaml_parser_t parser;
	loader.config = defaults();
	if (loader.config == NULL || !yaml_parser_initialize(&parser)) {
		schema_error(&loader, &(yaml_mark_t){0}, "out of memory");
		config_free(loader.config);
		return NULL;
	}
	yaml_parser_set_input_string(&parser, (const unsigned char *)data, size);
	if (yaml_parser_load(&parser, &loader.document)) {
		document_read(&loader);
		yaml_document_delete(&loader.document);
		end_check(&loader, &parser, data, size);
	} else {
		parser_error(&loader, &parser, data, size);
	}
	yaml_parser_delete(&parser);
	loader.config->partial = errors->count != 0;
	if (errors->count != 0)
		qsort(errors->errors, errors->count, sizeof(*errors->errors), error_compare);
	return loader.config;
}

static struct config *whole_only(struct config *config)
{
	if (config == NULL || !config->partial)
		return config;
	config_free(config);
	return NULL;
}

struct config *config_load_buffer(const char *name, const char *data, size_t size,
				  config_cpu_fn *cpu, struct config_errors *errors)
{
	errors->file = name;
	return whole_only(buffer_read(data, size, cpu, errors));
}

/* Reads the whole file; NULL with errno. */
static char *file_read(const char *path, size_t *size)
{
	char *data = NULL;
	FILE *file = fopen(path, "re");
	if (file == NULL)
		return NULL;
	data = malloc(CONFIG_FILE_MAX + 1);
	if (data != NULL) {
		errno = 0;
		*size = fread(data, 1, CONFIG_FILE_MAX + 1, file);
		if (ferror(file) || *size > CONFIG_FILE_MAX) {
			errno = ferror(file) ? (errno ? errno : EIO) : EFBIG;
			free(data);
			data = NULL;
		}
	}
	int error = errno;
	fclose(file);
	errno = error;
	return data;
}

/* A relative policy lies beside the configuration. */
static void policy_resolve(struct config *config, const char *path)
{
	const char *slash = strrchr(path, '/');
	if (config->policy == NULL || config->policy[0] == '/' || slash == NULL)
		return;
	char *resolved;
	if (asprintf(&resolved, "%.*s/%s", (int)(slash - path), path, config->policy) < 0)
		return;
	free(config->policy);
	config->policy = resolved;
}

struct config *config_load_partly(const char *path, struct config_errors *errors)
{
	size_t size = 0;
	char *data = file_read(path, &size);
	struct config *config;
	errors->file = path;
	if (data == NULL) {
		struct loader loader = {.errors = errors};
		schema_error(&loader, &(yaml_mark_t){0}, "cannot read the file: %s",
			     strerror(errno));
		config = defaults();
		if (config != NULL)
			config->partial = true;
		return config;
	}
	config = buffer_read(data, size, NULL, errors);
	free(data);
	if (config != NULL)
		policy_resolve(config, path);
	return config;
}

struct config *config_load(const char *path, struct config_errors *errors)
{
	return whole_only(config_load_partly(path, errors));
}

void config_free(struct config *config)
{
	if (config == NULL)
		return;
	for (unsigned i = 0; i < config->eal.n_args; i++)
		free(config->eal.args[i]);
	for (unsigned i = 0; i < config->n_ports; i++) {
		free(config->ports[i].name);
		free(config->ports[i].device);
		free(config->ports[i].kernel.interface);
		free(config->ports[i].kernel.netns);
	}
	free(config->policy);
	free(config->console.socket);
	free(config);
}

void config_errors_free(struct config_errors *errors)
{
	free(errors->errors);
	*errors = (struct config_errors){0};
}
