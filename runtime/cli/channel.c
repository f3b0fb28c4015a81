/* runtime/cli/channel.c - `acta channel`: what waits where, and the ways out of
 * a channel that stopped because its two ends tell different stories. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/packer.h"
#include "runtime/cli/cli.h"

#define COLUMNS 7
#define RESETS_MAX 1000000 /* of a thousand messages each */

/* SERVICE or SERVICE.PARTITION. */
static bool
end_parse(const char *text, char service[40], uint32_t *part)
{
	int used = 0;

	*part = 0;
	if (sscanf(text, "%32[a-z0-9-]%n.%" SCNu32 "%n", service, &used, part,
		&used) < 1)
		return false;
	return text[used] == '\0';
}

static void
print_table(acta_value list)
{
	static const char *const heads[COLUMNS] = { "FROM", "TO", "STATE",
		"WAITING", "BYTES", "OLDEST", "WHY" };
	char **cells =
	    calloc((size_t)(list.size + 1) * COLUMNS, sizeof(*cells));
	struct acta_reader reader = acta_reader_into(list);
	int rows = 1;

	if (cells == NULL)
		abort();
	for (int i = 0; i < COLUMNS; i++)
		cells[i] = acta_text_keepf("%s", heads[i]);
	for (uint32_t i = 0; i < list.size; i++) {
		acta_value row = acta_read(&reader);
		char **at = cells + rows * COLUMNS, age[24];
		char *way = acta_text_at(row, "way", "");
		bool to = strcmp(way, "to") == 0;

		free(way);
		at[0] = acta_text_at(row, to ? "of" : "peer", "");
		at[1] = acta_text_at(row, to ? "peer" : "of", "");
		at[2] = acta_text_at(row, "state", "");
		/* Each channel is told of by both its ends: that which sends
		 * knows what waits, that which receives when it has stopped. */
		if (!to && strcmp(at[2], "stopped") != 0) {
			for (int c = 0; c < 3; c++)
				free(at[c]);
			memset(at, 0, 3 * sizeof(*at));
			continue;
		}
		acta_out_age(acta_int_at(row, "oldest_ms", 0), age);
		at[3] =
		    acta_text_keepf("%" PRId64, acta_int_at(row, "waiting", 0));
		at[4] =
		    acta_text_keepf("%" PRId64, acta_int_at(row, "bytes", 0));
		at[5] = acta_text_keepf(
		    "%s", acta_int_at(row, "waiting", 0) > 0 ? age : "-");
		at[6] = acta_text_at(row, "why", "");
		rows++;
	}
	acta_out_table(cells, COLUMNS, rows, 2);
	for (int i = 0; i < rows * COLUMNS; i++)
		free(cells[i]);
	free(cells);
}

static int
list(const struct acta_cli *cli, const struct acta_at *at, const char *service)
{
	struct acta_buf args, answer;
	acta_value result, rows, missing;
	char *text;
	int code;

	acta_buf_init(&args);
	acta_buf_init(&answer);
	acta_pack_map(&args, service ? 1 : 0);
	if (service != NULL) {
		acta_pack_text(&args, "service");
		acta_pack_text(&args, service);
	}
	code = acta_client_result(
	    cli, at->call, "@channel", "list", &args, &answer, &result);
	if (code != ACTA_EXIT_OK)
		goto out;
	rows = acta_value_at(result, "channels");
	missing = acta_value_at(result, "missing");
	if (cli->json) {
		text = acta_json_of(result);
		puts(text);
		free(text);
	} else if (rows.type == ACTA_LIST && rows.size > 0) {
		print_table(rows);
	} else {
		acta_sayf(
		    0, NULL, "no service has sent anything to another one yet");
	}
	acta_out_flush();
	if (missing.type == ACTA_LIST && missing.size > 0)
		code = acta_sayf(ACTA_EXIT_FAILED, "acta ps tells which",
		    "%" PRIu32 " partition%s did not answer", missing.size,
		    missing.size == 1 ? "" : "s");
out:
	acta_buf_fini(&args);
	acta_buf_fini(&answer);
	return code;
}

struct ends {
	char from[40], to[40];
	uint32_t from_part, to_part;
};

/* `verb` at the partition service.part, about its peer. *out_left: as it says. */
static int
tell(const struct acta_cli *cli, const struct acta_at *at, const char *verb,
    const char *service, uint32_t part, const char *peer, uint32_t peer_part,
    int64_t *out_left)
{
	struct acta_buf args, answer;
	acta_value result;
	int code;

	acta_buf_init(&args);
	acta_buf_init(&answer);
	acta_pack_map(&args, 4);
	acta_pack_text(&args, "service");
	acta_pack_text(&args, service);
	acta_pack_text(&args, "part");
	acta_pack_uint(&args, part);
	acta_pack_text(&args, "peer");
	acta_pack_text(&args, peer);
	acta_pack_text(&args, "peer_part");
	acta_pack_uint(&args, peer_part);
	code = acta_client_result(
	    cli, at->call, "@channel", verb, &args, &answer, &result);
	if (code == ACTA_EXIT_OK)
		*out_left = acta_int_at(result, "left", 0);
	acta_buf_fini(&args);
	acta_buf_fini(&answer);
	return code;
}

static int
mend(const struct acta_cli *cli, const struct acta_at *at,
    const struct ends *ends, bool reset)
{
	int64_t left = 1, n;
	int code = ACTA_EXIT_OK;

	/* First what waits is set aside, then the other end is told to believe
	 * what is left. */
	for (n = 0; reset && left > 0 && code == ACTA_EXIT_OK && n < RESETS_MAX;
	     n++)
		code = tell(cli, at, "reset", ends->from, ends->from_part,
		    ends->to, ends->to_part, &left);
	if (code == ACTA_EXIT_OK)
		code = tell(cli, at, "accept", ends->to, ends->to_part,
		    ends->from, ends->from_part, &left);
	if (code != ACTA_EXIT_OK)
		return code;
	if (cli->json)
		puts("{\"ok\": true}");
	else
		acta_sayf(0, "acta channel shows it",
		    "%s.%" PRIu32 " takes what %s.%" PRIu32 " says", ends->to,
		    ends->to_part, ends->from, ends->from_part);
	return code;
}

int
acta_cmd_channel(struct acta_cli *cli)
{
	const char *what = cli->argc > 0 ? cli->argv[0] : "ls";
	bool reset = strcmp(what, "reset") == 0;
	struct acta_at at = { 0 };
	struct ends ends;
	int code;

	if (strcmp(what, "ls") != 0 && strcmp(what, "accept") != 0 && !reset)
		return acta_sayf(ACTA_EXIT_USAGE,
		    "ls [SERVICE], accept FROM TO, reset FROM TO",
		    "channel: unknown verb \"%s\"", what);
	if (what[0] != 'l' &&
	    (cli->argc != 3 ||
		!end_parse(cli->argv[1], ends.from, &ends.from_part) ||
		!end_parse(cli->argv[2], ends.to, &ends.to_part)))
		return acta_sayf(ACTA_EXIT_USAGE,
		    "acta channel ls shows them, like order.0 stock.1",
		    "channel %s FROM TO: two partitions are due", what);
	if (what[0] != 'l' &&
	    !acta_sure(cli,
		reset ? "What waits there becomes dead letters; it"
		      : "What waits there may be applied twice; it"))
		return ACTA_EXIT_USAGE;
	code = acta_at_find(cli, &at);
	if (code == ACTA_EXIT_OK)
		code = what[0] == 'l'
		    ? list(cli, &at, cli->argc > 1 ? cli->argv[1] : NULL)
		    : mend(cli, &at, &ends, reset);
	acta_at_fini(&at);
	return code;
}
