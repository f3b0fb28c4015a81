/*
 * words.c - a stage of competing workers: with `partitions: 4` there are four,
 * and who sends to "words/@any" sends to the one with the least to do. To scale
 * it, give it more partitions before its first start.
 */
#include <string.h>

#include <acta.h>

static acta_status
count(acta_actor *self, const acta_msg *msg)
{
	const char *line = acta_arg_str(msg, "line");
	int64_t words = 0;

	for (;;) {
		line += strspn(line, " \t");
		if (*line == '\0')
			break;
		words++;
		line += strcspn(line, " \t");
	}
	acta_add(self, "lines", 1);
	acta_send(
	    self, acta_msg_sender(msg), "counted", acta_int("words", words));
	return ACTA_DONE;
}

static const struct acta_handler handlers[] = {
	{ "count", count, .args = "line:str", .flags = ACTA_INSIDE,
	    .doc = "Tell the sender how many words the line has." },
	{ 0 }
};

ACTA_SERVICE("words", "1.0.0", handlers);
