/* runtime/cli/out.c - what the commands print: tables, JSON, words. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "codecs/json.h"
#include "codecs/packer.h"
#include "runtime/cli/cli.h"

int
acta_say(int code, const struct acta_why *why)
{
	acta_out_flush();
	fprintf(stderr, "acta: %s\n", why->text);
	if (why->hint[0] != '\0')
		fprintf(stderr, "  hint: %s\n", why->hint);
	return code;
}

int
acta_sayf(int code, const char *hint, const char *format, ...)
{
	va_list args;

	acta_out_flush();
	fputs("acta: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	if (hint != NULL && hint[0] != '\0')
		fprintf(stderr, "  hint: %s\n", hint);
	return code;
}

/* Ours are lines of ASCII structure: a blank goes behind what separates, not
 * behind the same bytes within a text. */
void
acta_out_json(const void *msgpack, size_t size, struct acta_buf *out)
{
	struct acta_buf tight;
	bool quoted = false;
	size_t i;

	acta_buf_init(&tight);
	acta_json_encode(msgpack, size, &tight);
	acta_buf_reserve(out, 2 * tight.size);
	for (i = 0; i < tight.size; i++) {
		uint8_t c = tight.data[i];

		acta_buf_append(out, &c, 1);
		if (quoted && c == '\\' && i + 1 < tight.size) {
			acta_buf_append(out, &tight.data[++i], 1);
			continue;
		}
		if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == ':' || c == ','))
			acta_buf_append(out, " ", 1);
	}
	acta_buf_fini(&tight);
}

void
acta_out_flush(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return;
	/* `acta ps | head` is no failure worth a word. */
	if (errno != EPIPE)
		fprintf(stderr, "acta: standard output: %s\n", strerror(errno));
	_exit(ACTA_EXIT_FAILED);
}

void
acta_out_line(const struct acta_buf *out)
{
	fwrite(out->data, 1, out->size, stdout);
	fputc('\n', stdout);
	acta_out_flush();
}

bool
acta_out_colour(void)
{
	const char *no = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && (no == NULL || no[0] == '\0') &&
	    term != NULL && strcmp(term, "dumb") != 0;
}

/* Columns of a terminal that a text takes: its characters, near enough. */
static int
width(const char *text)
{
	int n = 0;

	for (; *text != '\0'; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

/* Green what runs, red what was given up, yellow what is on its way. */
static const char *
colour_of(const char *state)
{
	if (strcmp(state, "up") == 0)
		return "32";
	if (strcmp(state, "failed") == 0 ||
	    strcmp(state, "storage-failed") == 0)
		return "31";
	return "33";
}

void
acta_out_table(char **cells, int columns, int rows, int state)
{
	bool colour = acta_out_colour();
	int row, column, pad;
	int *widest = calloc((size_t)columns, sizeof(*widest));

	if (widest == NULL)
		abort();
	for (row = 0; row < rows; row++)
		for (column = 0; column < columns; column++)
			if (width(cells[row * columns + column]) >
			    widest[column])
				widest[column] =
				    width(cells[row * columns + column]);
	for (row = 0; row < rows; row++) {
		for (column = 0; column < columns; column++) {
			const char *cell = cells[row * columns + column];

			pad = widest[column] - width(cell) + 2;
			if (colour && row > 0 && column == state)
				printf(
				    "\033[%sm%s\033[0m", colour_of(cell), cell);
			else
				fputs(cell, stdout);
			if (column + 1 < columns)
				printf("%*s", pad, "");
		}
		putchar('\n');
	}
	free(widest);
	acta_out_flush();
}

void
acta_out_age(int64_t ms, char out[24])
{
	int64_t s = ms / 1000;

	if (ms < 0)
		snprintf(out, 24, "-");
	else if (ms < 1000)
		snprintf(out, 24, "%" PRId64 "ms", ms);
	else if (s < 120)
		snprintf(out, 24, "%" PRId64 "s", s);
	else if (s < 7200)
		snprintf(out, 24, "%" PRId64 "m", s / 60);
	else if (s < 2 * 86400)
		snprintf(out, 24, "%" PRId64 "h", s / 3600);
	else
		snprintf(out, 24, "%" PRId64 "d", s / 86400);
}

acta_value
acta_value_at(acta_value map, const char *name)
{
	if (map.type != ACTA_MAP)
		return (acta_value){ 0 };
	return acta_map_get(map, name, strlen(name));
}

char *
acta_text_raw_at(acta_value map, const char *name, const char *otherwise)
{
	acta_value value = acta_value_at(map, name);

	if (value.type != ACTA_STR)
		return acta_text_keepf("%s", otherwise);
	return acta_text_keepf(
	    "%.*s", (int)value.size, (const char *)value.as.data);
}

void
acta_text_clean(char *text, bool lines)
{
	for (; *text != '\0'; text++) {
		/* U+0080 to U+009F are controls of two bytes. */
		if ((uint8_t)text[0] == 0xc2 && (uint8_t)text[1] >= 0x80 &&
		    (uint8_t)text[1] < 0xa0)
			text[0] = text[1] = '?';
		else if (*text == '\t' || (*text == '\n' && !lines))
			*text = ' ';
		else if (((uint8_t)*text < 0x20 && *text != '\n') ||
		    *text == 0x7f)
			*text = '?';
	}
}

char *
acta_text_at(acta_value map, const char *name, const char *otherwise)
{
	char *text = acta_text_raw_at(map, name, otherwise);

	acta_text_clean(text, false);
	return text;
}

int64_t
acta_int_at(acta_value map, const char *name, int64_t otherwise)
{
	acta_value value = acta_value_at(map, name);

	if (value.type == ACTA_NUM)
		return (int64_t)value.as.d;
	return value.type == ACTA_INT ? value.as.i : otherwise;
}

double
acta_num_at(acta_value map, const char *name, double otherwise)
{
	acta_value value = acta_value_at(map, name);

	if (value.type == ACTA_NUM)
		return value.as.d;
	return value.type == ACTA_INT ? (double)value.as.i : otherwise;
}

bool
acta_bool_at(acta_value map, const char *name)
{
	acta_value value = acta_value_at(map, name);

	return value.type == ACTA_BOOL && value.as.b;
}

int64_t
acta_cli_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

char *
acta_json_of(acta_value value)
{
	struct acta_buf packed, out;
	char *text;

	acta_buf_init(&packed);
	acta_buf_init(&out);
	acta_pack_value(&packed, value);
	acta_out_json(packed.data, packed.size, &out);
	text = acta_text_keepf("%.*s", (int)out.size, (char *)out.data);
	acta_buf_fini(&packed);
	acta_buf_fini(&out);
	return text;
}

bool
acta_sure(const struct acta_cli *cli, const char *what)
{
	char line[16] = "";

	if (cli->yes)
		return true;
	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
		(void)acta_sayf(0, "--yes says that it is meant",
		    "%s cannot be undone", what);
		return false;
	}
	fprintf(stderr, "%s cannot be undone. Go on? [y/N] ", what);
	return fgets(line, sizeof(line), stdin) != NULL &&
	    (line[0] == 'y' || line[0] == 'Y');
}
