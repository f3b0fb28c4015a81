/*
 * reader.c - hears what news.c publishes, by its handler table and by
 * acta_subscribe, and notes in `heard` what came in which order.
 */
#include <string.h>

#include <acta.h>

static acta_status
note(acta_actor *self, const acta_msg *msg, const char *how)
{
	acta_put(self,
	    acta_str("heard",
		acta_format(self, "%s%s%s#%d ", acta_get_str(self, "heard", ""),
		    how,
		    strchr(acta_msg_from(msg), '/') ? acta_msg_from(msg) + 5
						    : "",
		    (int)acta_arg_int(msg, "n"))));
	return ACTA_DONE;
}

static acta_status
story(acta_actor *self, const acta_msg *msg)
{
	return note(self, msg, "");
}

static acta_status
other(acta_actor *self, const acta_msg *msg)
{
	return note(self, msg, "o:");
}

static acta_status
any(acta_actor *self, const acta_msg *msg)
{
	(void)msg;
	acta_add(self, "count", 1);
	return ACTA_DONE;
}

static acta_status
followed(acta_actor *self, const acta_msg *msg)
{
	return note(self, msg, "f:");
}

static acta_status
follow(acta_actor *self, const acta_msg *msg)
{
	const char *key = acta_arg_str(msg, "key");

	acta_subscribe(self, acta_arg_str(msg, "topic"),
	    strcmp(key, "*") == 0 ? NULL : key,
	    acta_arg_bool(msg, "end") ? NULL : acta_arg_str(msg, "handler"));
	return ACTA_DONE;
}

static const struct acta_handler handlers[] = {
	{ "story", story, .args = "n:int", .on = "news.story", .key = "reader",
	    .flags = ACTA_PRIVATE },
	{ "other", other, .args = "n:int", .on = "news.other",
	    .key = "reader" },
	{ "any", any, .args = "n:int", .on = "news.story",
	    .flags = ACTA_PRIVATE },
	{ "followed", followed, .args = "n:int", .flags = ACTA_PRIVATE },
	{ "follow", follow,
	    .args = "topic:str=\"news.story\" key:str=\"*\" "
		    "handler:str=\"followed\" end:bool=false" },
	{ 0 }
};

ACTA_SERVICE("reader", "1", handlers);
