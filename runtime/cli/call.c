/* runtime/cli/call.c - `acta call` and `send`. */
#include <stdlib.h>
#include <string.h>

#include "codecs/envelope.h"
#include "codecs/json.h"
#include "codecs/packer.h"
#include "runtime/cli/cli.h"

#define TIMEOUT_MS 5000

/* NAME=VALUE words as one map; a value that is JSON is that, else a text. */
static int
pack_pairs(int count, char **words, struct acta_buf *out)
{
	int i;

	acta_pack_map(out, (uint32_t)count);
	for (i = 0; i < count; i++) {
		char *equals = strchr(words[i], '=');

		if (equals == NULL || equals == words[i])
			return acta_sayf(ACTA_EXIT_USAGE,
			    "args are NAME=VALUE, or one JSON object",
			    "no arg: \"%s\"", words[i]);
		acta_pack_str(out, words[i], (size_t)(equals - words[i]));
		if (acta_json_decode(
			equals + 1, strlen(equals + 1), out, NULL) != ACTA_OK)
			acta_pack_text(out, equals + 1);
	}
	return ACTA_EXIT_OK;
}

int
acta_cli_args(int count, char **words, struct acta_buf *out)
{
	struct acta_why why = { "", "" };

	if (count != 1 || words[0][0] != '{')
		return pack_pairs(count, words, out);
	if (acta_json_decode(words[0], strlen(words[0]), out, &why) == ACTA_OK)
		return ACTA_EXIT_OK;
	return acta_sayf(ACTA_EXIT_USAGE, why.hint, "the args: %s", why.text);
}

/* What cannot be an address or a type need not travel. */
static int
check_names(const char *to, const char *type)
{
	struct acta_bytes service, key;

	if (acta_address_split(to, strlen(to), &service, &key) != ACTA_OK)
		return acta_sayf(ACTA_EXIT_USAGE,
		    "SERVICE/KEY, or SERVICE: like stock/17",
		    "no address: \"%s\"", to);
	if (!acta_type_valid(type, strlen(type)))
		return acta_sayf(ACTA_EXIT_USAGE,
		    "a small letter, then a-z 0-9 -: like reserve",
		    "no message type: \"%s\"", type);
	return ACTA_EXIT_OK;
}

/* How to find out what became of a request: under its id, which no one knows
 * whose --id was made here. */
static char *
again(const struct acta_client_call *call)
{
	return acta_text_keepf(
	    "ask again with --id %s: it is done once", call->id);
}

/* The answer's result, or its error, as README and acta(1) show them. */
static int
print_answer(const struct acta_cli *cli, const struct acta_client_call *call,
    const struct acta_buf *answer)
{
	struct acta_reader reader = acta_reader(answer->data, answer->size);
	acta_value map = acta_read(&reader), error;
	struct acta_buf out, result;
	char *code, *text, *hint;
	int exit_code = ACTA_EXIT_OK;

	acta_buf_init(&out);
	acta_buf_init(&result);
	if (cli->json) {
		acta_out_json(answer->data, answer->size, &out);
		acta_out_line(&out);
	} else if (acta_bool_at(map, "ok") && !call->send) {
		/* A send's answer says only that it is durable. */
		acta_pack_value(&result, acta_value_at(map, "result"));
		acta_out_json(result.data, result.size, &out);
		acta_out_line(&out);
	}
	if (!acta_bool_at(map, "ok")) {
		error = acta_value_at(map, "error");
		code = acta_text_at(error, "code", "failed");
		text = acta_text_at(error, "text", "");
		hint = strcmp(code, "timeout") == 0
		    ? again(call)
		    : acta_text_at(error, "hint", "");
		exit_code = acta_sayf(acta_exit_of_code(code), hint,
		    "%s %s: %s%s%s", cli->argv[0], cli->argv[1], code,
		    text[0] != '\0' ? ": " : "", text);
		free(code);
		free(text);
		free(hint);
	}
	acta_buf_fini(&out);
	acta_buf_fini(&result);
	return exit_code;
}

static int
say_no_answer(const struct acta_cli *cli, const struct acta_at *at,
    enum acta_err err, const struct acta_client_call *call)
{
	char *hint;
	int code;

	if (err == ACTA_ETIMEDOUT) {
		hint = again(call);
		code = acta_sayf(ACTA_EXIT_TIMEOUT, hint,
		    "%s %s: timeout: no answer within %lld ms", cli->argv[0],
		    cli->argv[1], (long long)call->timeout_ms);
		free(hint);
		return code;
	}
	/* Its door is away, or busy: that is another thing than no node. */
	if (err == ACTA_ECLOSED && at->run[0] != '\0' &&
	    acta_root_listens(at->run))
		return acta_sayf(ACTA_EXIT_TIMEOUT,
		    "nothing was sent; acta ps -a tells of its doors",
		    "%s %s: timeout: the node runs, its door does not answer",
		    cli->argv[0], cli->argv[1]);
	if (err == ACTA_ECLOSED)
		return acta_sayf(ACTA_EXIT_NO_NODE,
		    "acta run FILE starts a node", "nobody answers at %s",
		    at->call);
	return acta_sayf(
	    ACTA_EXIT_FAILED, NULL, "%s: %s", at->call, acta_strerror(err));
}

static int
ask(struct acta_cli *cli, bool send)
{
	struct acta_client_call call = { .to = cli->argv[0],
		.type = cli->argv[1],
		.id = cli->id,
		.keep = true,
		.send = send,
		.timeout_ms =
		    cli->timeout_ms > 0 ? cli->timeout_ms : TIMEOUT_MS };
	struct acta_client *client = NULL;
	struct acta_buf args, answer;
	struct acta_at at = { 0 };
	enum acta_err err;
	char id[27];
	int code;

	acta_buf_init(&args);
	acta_buf_init(&answer);
	if (call.id == NULL) {
		acta_client_id(id);
		call.id = id;
	}
	call.args = &args;
	code = check_names(call.to, call.type);
	if (code == ACTA_EXIT_OK)
		code = acta_cli_args(cli->argc - 2, cli->argv + 2, &args);
	if (code == ACTA_EXIT_OK)
		code = acta_at_find(cli, &at);
	if (code != ACTA_EXIT_OK)
		goto out;
	client = acta_client_open(at.call);
	if (client == NULL) {
		code = ACTA_EXIT_USAGE;
		goto out;
	}
	err = acta_client_ask(client, &call, &answer);
	code = err == ACTA_OK ? print_answer(cli, &call, &answer)
			      : say_no_answer(cli, &at, err, &call);
out:
	acta_client_close(&client);
	acta_buf_fini(&args);
	acta_buf_fini(&answer);
	acta_at_fini(&at);
	return code;
}

int
acta_cmd_call(struct acta_cli *cli)
{
	return ask(cli, false);
}

int
acta_cmd_send(struct acta_cli *cli)
{
	return ask(cli, true);
}
