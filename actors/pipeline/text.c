/*
 * text.c - fan-out and fan-in: a text's lines go to whichever worker of `words`
 * is free, what they found comes back here, and the last one answers the client.
 * One actor a text.
 *
 * The join is a number that counts down. It needs no list of what has come: each
 * line is counted once and each count arrives once, whatever is killed meanwhile.
 */
#include <string.h>

#include <acta.h>

#define LINES_MAX 5000 /* of one text: a handler has 10,000 effects */

static acta_status
count(acta_actor *self, const acta_msg *msg)
{
	const char *text = acta_arg_str(msg, "text");
	acta_ref any = acta_to(self, "words/@any");
	int64_t lines = 0;

	if (acta_get_int(self, "left", 0) > 0)
		return acta_reject(self, "at-work", "on another text");
	while (*text != '\0') {
		size_t n = strcspn(text, "\n");

		if (++lines > LINES_MAX)
			return acta_reject(
			    self, "too-long", "over %d lines", LINES_MAX);
		acta_send(self, any, "count",
		    acta_str("line", acta_format(self, "%.*s", (int)n, text)));
		text += n + (text[n] == '\n');
	}
	if (lines == 0)
		return acta_reply(self, acta_int("words", 0));
	acta_put(self, acta_int("left", lines), acta_int("words", 0),
	    acta_str("token", acta_defer(self)));
	return ACTA_DONE;
}

static acta_status
counted(acta_actor *self, const acta_msg *msg)
{
	int64_t words = acta_add(self, "words", acta_arg_int(msg, "words"));

	if (acta_add(self, "left", -1) > 0)
		return ACTA_DONE;
	acta_reply_to(
	    self, acta_get_str(self, "token", ""), acta_int("words", words));
	acta_delete(self, "token");
	return ACTA_DONE;
}

static const struct acta_handler handlers[] = {
	{ "count", count, .args = "text:str", .doc = "How many words it has." },
	{ "counted", counted, .args = "words:int", .flags = ACTA_INSIDE }, { 0 }
};

ACTA_SERVICE("text", "1.0.0", handlers);
