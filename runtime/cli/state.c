/*
 * runtime/cli/state.c - `acta state`: an actor's rows. Its worker is asked; if that
 * is in a long handler, hangs or is down, its store is read beside it: what its last
 * turn has committed. Nothing of a service can keep an operator from looking.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/envelope.h"
#include "codecs/packer.h"
#include "runtime/cli/cli.h"
#include "store/hash.h"
#include "store/store.h"

#define PAGE 1000
#define WORKER_MS 1000 /* so long it may take, if --timeout does not say */

struct state {
	const struct acta_cli *cli;
	struct acta_bytes service, key;
	struct acta_at at;
	int64_t count; /* of rows told */
};

static void
tell(struct state *s, acta_value name, acta_value value)
{
	char *text = acta_json_of(value), *of;

	if (s->cli->json) {
		of = acta_json_of(name);
		printf("%s%s: %s", s->count > 0 ? ", " : "{", of, text);
	} else {
		of = acta_text_keepf(
		    "%.*s", (int)name.size, (const char *)name.as.data);
		acta_text_clean(of, false);
		printf("%s  %s\n", of, text);
	}
	s->count++;
	free(of);
	free(text);
}

/* ------------------------------------------------------------ its worker -- */

/* It has not answered, or is not there to: its store may be looked at. */
static bool
is_away(const char *code)
{
	return strcmp(code, "timeout") == 0 || strcmp(code, "busy") == 0 ||
	    strcmp(code, "unavailable") == 0;
}

/* One page. The name of its last row, to go on behind, replaces `*after`; NULL:
 * that was all. */
static int
ask_page(struct state *s, struct acta_client *client, char **after, bool *away)
{
	struct acta_client_call call = { .to = "@state",
		.type = "list",
		.timeout_ms =
		    s->cli->timeout_ms > 0 ? s->cli->timeout_ms : WORKER_MS };
	struct acta_buf args, answer;
	struct acta_reader reader;
	acta_value map, rows, error;
	enum acta_err err;
	char *code, *text, *hint;
	int exit_code = ACTA_EXIT_OK;

	acta_buf_init(&args);
	acta_buf_init(&answer);
	acta_pack_map(&args, *after != NULL ? 3 : 2);
	acta_pack_text(&args, "of");
	acta_pack_text(&args, s->cli->argv[0]);
	acta_pack_text(&args, "limit");
	acta_pack_int(&args, PAGE);
	if (*after != NULL) {
		acta_pack_text(&args, "after");
		acta_pack_text(&args, *after);
	}
	free(*after);
	*after = NULL;
	call.args = &args;
	err = acta_client_ask(client, &call, &answer);
	reader = acta_reader(answer.data, answer.size);
	map = err == ACTA_OK ? acta_read(&reader) : (acta_value){ 0 };
	if (err != ACTA_OK) {
		*away = true;
		exit_code = ACTA_EXIT_TIMEOUT;
	} else if (acta_bool_at(map, "ok")) {
		rows = acta_value_at(acta_value_at(map, "result"), "rows");
		reader = acta_reader_into(rows);
		for (uint32_t i = 0; rows.type == ACTA_LIST && i < rows.size;
		     i++) {
			acta_value row = acta_read(&reader);

			tell(s, acta_value_at(row, "name"),
			    acta_value_at(row, "value"));
			if (i + 1 == rows.size &&
			    acta_bool_at(acta_value_at(map, "result"), "more"))
				*after = acta_text_raw_at(row, "name", "");
		}
	} else {
		error = acta_value_at(map, "error");
		code = acta_text_at(error, "code", "failed");
		text = acta_text_at(error, "text", "");
		hint = acta_text_at(error, "hint", "");
		*away = is_away(code);
		exit_code = acta_exit_of_code(code);
		if (!*away)
			(void)acta_sayf(exit_code, hint, "%s: %s: %s",
			    s->cli->argv[0], code, text);
		free(code);
		free(text);
		free(hint);
	}
	acta_buf_fini(&args);
	acta_buf_fini(&answer);
	return exit_code;
}

static int
ask(struct state *s, bool *away)
{
	struct acta_client *client = acta_client_open(s->at.call);
	char *after = NULL;
	int code = client == NULL ? ACTA_EXIT_USAGE : ACTA_EXIT_OK;

	*away = false;
	if (client != NULL)
		do
			code = ask_page(s, client, &after, away);
		while (code == ACTA_EXIT_OK && after != NULL);
	free(after);
	acta_client_close(&client);
	/* What has begun is not begun again from another place. */
	if (*away && s->count > 0) {
		code = acta_sayf(code, "--timeout waits longer",
		    "%s: its service stopped answering: there are more rows",
		    s->cli->argv[0]);
		*away = false;
	}
	return code;
}

/* ------------------------------------------------------------- its store -- */

static int
scan(struct state *s, struct acta_store *store)
{
	char prefix[ACTA_KEY_MAX + 1];
	struct acta_scan *scan;
	struct acta_row row;

	prefix[0] = (char)s->key.size; /* store/rows.h: an actor's */
	memcpy(prefix + 1, s->key.data, s->key.size);
	scan = acta_scan_open(store, ACTA_T_STATE, prefix, s->key.size + 1);
	while (acta_scan_next(scan, &row)) {
		struct acta_reader r = acta_reader(row.value, row.value_size);
		acta_value name = { .type = ACTA_STR,
			.size = (uint32_t)(row.key_size - s->key.size - 1),
			.as.data = (const char *)row.key + s->key.size + 1 };

		tell(s, name, acta_read(&r));
	}
	return acta_scan_close(&scan) == ACTA_OK ? ACTA_EXIT_OK
						 : ACTA_EXIT_FAILED;
}

/* As many partitions as it has stores. */
static const struct acta_place *
place_of(const struct acta_places *places, const char *service,
    struct acta_bytes key)
{
	uint32_t parts = 0;

	for (uint32_t i = 0; i < places->count; i++)
		parts += strcmp(places->list[i].service, service) == 0;
	return parts == 0 ? NULL
			  : acta_places_get(places, service,
				acta_partition_of(key.data, key.size, parts));
}

static int
read_store(struct state *s, const char *data, bool say)
{
	struct acta_places places;
	const struct acta_place *place;
	struct acta_store *store = NULL;
	struct acta_why why = { "", "" };
	char service[ACTA_SERVICE_MAX + 1] = "";
	enum acta_err err;
	int code;

	memcpy(service, s->service.data, s->service.size);
	if (!acta_places_find(&places, data))
		return acta_sayf(ACTA_EXIT_NOT_FOUND,
		    "it is the folder `data` of a node's config", "%s: %s",
		    data, strerror(errno));
	place = place_of(&places, service, s->key);
	if (place == NULL) {
		code = acta_sayf(ACTA_EXIT_NOT_FOUND,
		    "a service in memory has none: only its process knows",
		    "%s: no store of %s is in it", data, service);
	} else if ((err = acta_store_open_read(place->dir, &store, &why)) !=
	    ACTA_OK) {
		code = acta_sayf(ACTA_EXIT_FAILED, why.hint, "%s: %s",
		    place->dir, why.text[0] ? why.text : acta_strerror(err));
	} else {
		if (say)
			(void)acta_sayf(0, "acta ps shows what it is at",
			    "%s.%u does not answer: this is its store, as "
			    "turn %" PRIu64 " has left it, which may not be "
			    "flushed yet",
			    service, place->part, acta_store_turn(store));
		code = scan(s, store);
		acta_store_close(&store);
	}
	acta_places_fini(&places);
	return code;
}

/* As the node says where it is. */
static int
peek(struct state *s)
{
	char *data = NULL;
	int code = acta_root_data(s->cli, &s->at, NULL, &data);

	if (code == ACTA_EXIT_OK)
		code = read_store(s, data, true);
	free(data);
	return code;
}

/* --------------------------------------------------------------- command -- */

int
acta_cmd_state(struct acta_cli *cli)
{
	struct state s = { .cli = cli };
	bool away;
	int code;

	if (acta_address_split(cli->argv[0], strlen(cli->argv[0]), &s.service,
		&s.key) != ACTA_OK)
		return acta_sayf(ACTA_EXIT_USAGE,
		    "SERVICE/KEY, or SERVICE: like stock/17",
		    "no address: \"%s\"", cli->argv[0]);
	if (cli->argc > 1) {
		code = read_store(&s, cli->argv[1], false);
	} else {
		code = acta_at_find(cli, &s.at);
		if (code != ACTA_EXIT_OK)
			return code;
		code = ask(&s, &away);
		if (away)
			code = peek(&s);
	}
	if (cli->json && (code == ACTA_EXIT_OK || s.count > 0))
		puts(s.count > 0 ? "}" : "{}");
	acta_out_flush();
	acta_at_fini(&s.at);
	if (code == ACTA_EXIT_OK && s.count == 0 && !cli->json)
		return acta_sayf(ACTA_EXIT_OK,
		    "an actor has rows once a handler has put some",
		    "%s has no rows", cli->argv[0]);
	return code;
}
