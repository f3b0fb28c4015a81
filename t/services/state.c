/* state.c - rows: put, read, added to, scanned, deleted. */
#include <acta.h>

/* A handler may leave its message, and its table fields, alone. */
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

/* Row `name` is set to `v`; absent leaves it as it is. */
static acta_status
put(acta_actor *self, const acta_msg *msg)
{
	acta_put(self, acta_val(acta_arg_str(msg, "name"), acta_arg(msg, "v")));
	return acta_reply(
	    self, acta_val("v", acta_get(self, acta_arg_str(msg, "name"))));
}

/* All rows of the map `rows` at once. */
static acta_status
put_all(acta_actor *self, const acta_msg *msg)
{
	for (acta_cursor c = acta_each(self, acta_arg(msg, "rows"));
	     acta_next(&c);)
		acta_put(self, acta_val(c.name, c.value));
	return ACTA_DONE;
}

static acta_status
get(acta_actor *self, const acta_msg *msg)
{
	return acta_reply(
	    self, acta_val("v", acta_get(self, acta_arg_str(msg, "name"))));
}

/* Every typed read of the rows i, n, b, s, r, with defaults that show. */
static acta_status
get_typed(acta_actor *self, const acta_msg *msg)
{
	acta_ref r = acta_get_ref(self, "r");

	return acta_reply(self, acta_int("i", acta_get_int(self, "i", -1)),
	    acta_num("n", acta_get_num(self, "n", -0.5)),
	    acta_bool("b", acta_get_bool(self, "b", true)),
	    acta_str("s", acta_get_str(self, "s", "otherwise")),
	    acta_str("null", acta_get_str(self, "no-such-row", NULL)),
	    acta_bool("no-ref", r == NULL), acta_str("r", acta_address(r)));
}

static acta_status
put_typed(acta_actor *self, const acta_msg *msg)
{
	char scratch[] = "copied"; /* what is passed in is copied */
	acta_list *list = acta_list_new(self);

	acta_list_row(list, acta_int("qty", 2));
	acta_put(self, acta_int("i", 42), acta_num("n", 1.25),
	    acta_bool("b", false), acta_str("s", scratch),
	    acta_addr("r", acta_to_n(self, "stock/", 17)),
	    acta_bin("x", "\0\1", 2), acta_time("t", 77), acta_items("l", list),
	    acta_str("nil", NULL), ACTA_NONE,
	    acta_val("m", acta_map(self, acta_int("z", 1))));
	scratch[0] = 'X';
	return get_typed(self, msg);
}

static acta_status
see_own_puts(acta_actor *self, const acta_msg *msg)
{
	int64_t before = acta_get_int(self, "seen", 0);
	int64_t after, deleted, again;

	acta_put(self, acta_int("seen", before + 1));
	after = acta_get_int(self, "seen", -1);
	acta_delete(self, "seen");
	deleted = acta_get_int(self, "seen", -2);
	acta_put(self, acta_int("seen", 7));
	again = acta_get_int(self, "seen", -3);
	return acta_reply(self, acta_int("before", before),
	    acta_int("after", after), acta_int("deleted", deleted),
	    acta_int("again", again));
}

/* The pointer read first stays good after the row has changed. */
static acta_status
outlive(acta_actor *self, const acta_msg *msg)
{
	const char *text = acta_get_str(self, "long", "");
	acta_value value = acta_get(self, "long");
	const char *first;

	acta_put(self, acta_str("long", "new"));
	first = acta_get_str(self, "long", "");
	acta_put(self, acta_str("long", "newer"));
	acta_delete(self, "long");
	return acta_reply(self, acta_str("old", text), acta_val("value", value),
	    acta_str("new", first));
}

/* Names made in one place, one after the other: interning by address must
 * not take one for another. */
static acta_status
names(acta_actor *self, const acta_msg *msg)
{
	static char writable[8];
	char local[8];
	int64_t right = 0;

	for (int i = 0; i < 9; i++) {
		writable[0] = local[0] = (char)('a' + i);
		writable[1] = 's';
		local[1] = 'l';
		writable[2] = local[2] = 0;
		acta_put(self, acta_int(writable, i));
		acta_put(self, acta_int(local, 100 + i));
	}
	acta_put(self, acta_int("as", -1));
	for (int i = 0; i < 9; i++) {
		writable[0] = (char)('a' + i);
		right += acta_get_int(self, writable, -9) == (i == 0 ? -1 : i);
		right += acta_get_int(self, acta_format(self, "%cl", 'a' + i),
			     -9) == 100 + i;
	}
	right += acta_get_int(self, "bs", -9) == 1;
	right += acta_get_int(self, "il", -9) == 108;
	return acta_reply(self, acta_int("right", right));
}

static acta_status
add(acta_actor *self, const acta_msg *msg)
{
	return acta_reply(self,
	    acta_int("sum",
		acta_add(
		    self, acta_arg_str(msg, "name"), acta_arg_int(msg, "n"))));
}

static acta_status delete (acta_actor *self, const acta_msg *msg)
{
	acta_delete(self, acta_arg_str(msg, "name"));
	return ACTA_DONE;
}

/* Delete, and put a row afterwards: the row is there. */
static acta_status
renew(acta_actor *self, const acta_msg *msg)
{
	acta_put(self, acta_int("a", 1), acta_int("items/old", 1));
	acta_delete(self, acta_arg_str(msg, "name"));
	acta_put(self, acta_int("items/new", 2));
	return ACTA_DONE;
}

static acta_status
scan(acta_actor *self, const acta_msg *msg)
{
	acta_list *out = acta_list_new(self);

	for (acta_cursor c = acta_scan(self, acta_arg_str(msg, "prefix"));
	     acta_next(&c);)
		acta_list_row(out, acta_str("name", c.name),
		    acta_int("index", (int64_t)c.index),
		    acta_val("value", c.value));
	return acta_reply(self, acta_items("rows", out));
}

static acta_status
count(acta_actor *self, const acta_msg *msg)
{
	int64_t n = 0;

	for (acta_cursor c = acta_scan(self, acta_arg_str(msg, "prefix"));
	     acta_next(&c);)
		n++;
	return acta_reply(self, acta_int("n", n));
}

/* While it walks "w/": deletes what is ahead, puts ahead and behind. */
static acta_status
scan_and_write(acta_actor *self, const acta_msg *msg)
{
	acta_list *seen = acta_list_new(self);
	acta_cursor c = acta_scan(self, "w/");
	int64_t n = 0;

	while (acta_next(&c)) {
		acta_list_row(
		    seen, acta_str("name", c.name), acta_val("value", c.value));
		if (n++ == 0) {
			acta_delete(self, "w/3");
			acta_put(self, acta_int("w/0", 0), acta_int("w/25", 25),
			    acta_int("w/4", 400), acta_int("w/9", 9));
		}
	}
	acta_delete(self, "w/1");
	return acta_reply(self, acta_items("rows", seen));
}

/* A scan begun before a delete of all sees the rows; one after sees none. */
static acta_status
scan_and_clear(acta_actor *self, const acta_msg *msg)
{
	acta_cursor before = acta_scan(self, "w/");
	acta_cursor after;
	int64_t n_before = 0, n_after = 0;

	acta_delete(self, "w/");
	acta_put(self, acta_int("w/new", 1));
	after = acta_scan(self, "w/");
	while (acta_next(&before))
		n_before++;
	while (acta_next(&after))
		n_after++;
	return acta_reply(
	    self, acta_int("before", n_before), acta_int("after", n_after));
}

static acta_status
scan_nested(acta_actor *self, const acta_msg *msg)
{
	int64_t pairs = 0;

	for (acta_cursor a = acta_scan(self, "w/"); acta_next(&a);)
		for (acta_cursor b = acta_scan(self, "w/"); acta_next(&b);)
			pairs += acta_as_int(a.value, 0) * 0 + 1;
	return acta_reply(self, acta_int("pairs", pairs));
}

static acta_status
fill(acta_actor *self, const acta_msg *msg)
{
	int64_t from = acta_arg_int(msg, "from");

	for (int64_t i = from; i < from + acta_arg_int(msg, "n"); i++)
		acta_put(
		    self, acta_int(acta_format(self, "many/%06d", (int)i), i));
	return ACTA_DONE;
}

/* What an actor that is no more leaves behind: a timer, an ask, a token. */
static acta_status
prepare(acta_actor *self, const acta_msg *msg)
{
	acta_put(self, acta_str("token", acta_defer(self)));
	acta_timer(self, "tick", "ticked", acta_after(1000));
	acta_ask(
	    self, "state/helper", "get", "answered", acta_str("name", "x"));
	return ACTA_DONE;
}

/* Asks `prepare`, which leaves the answer to a token. */
static acta_status
ask_prepare(acta_actor *self, const acta_msg *msg)
{
	acta_ask(self, acta_arg_str(msg, "to"), "prepare", "prepared",
	    acta_within(60000));
	return ACTA_DONE;
}

static acta_status
prepared(acta_actor *self, const acta_msg *msg)
{
	acta_put(self, acta_int("outcome", acta_msg_outcome(msg)),
	    acta_str("by", acta_arg_str(msg, "by")));
	return ACTA_DONE;
}

static acta_status
vanish(acta_actor *self, const acta_msg *msg)
{
	const char *token = acta_get_str(self, "token", "");

	acta_timer(self, "tick", "ticked", acta_after(1000));
	acta_ask(
	    self, "state/helper", "get", "answered", acta_str("name", "x"));
	acta_send(self, "state/keeper", "release", acta_str("token", token));
	acta_delete(self, "/");
	return ACTA_DONE;
}

static acta_status
release(acta_actor *self, const acta_msg *msg)
{
	acta_reply_to(self, acta_arg_str(msg, "token"),
	    acta_str("by", acta_address(acta_self(self))));
	return ACTA_DONE;
}

static acta_status
ticked(acta_actor *self, const acta_msg *msg)
{
	acta_add(self, "ticks", 1);
	return ACTA_DONE;
}

static acta_status
answered(acta_actor *self, const acta_msg *msg)
{
	acta_add(self, "answers", 1);
	return ACTA_DONE;
}

static acta_status
put_and_reject(acta_actor *self, const acta_msg *msg)
{
	acta_put(self, acta_int("kept", 1));
	acta_delete(self, "old");
	acta_add(self, "sum", 1);
	return acta_reject(self, "no", "not kept");
}

/* Reads what it may not change. */
static acta_status
peek(acta_actor *self, const acta_msg *msg)
{
	acta_value first = { ACTA_ABSENT, 0, { 0 } };

	for (acta_cursor c = acta_scan(self, "w/"); acta_next(&c);)
		if (first.type == ACTA_ABSENT)
			first = c.value;
	return acta_reply(self, acta_int("i", acta_get_int(self, "i", -1)),
	    acta_val("first", first));
}

/* Each of these is a change, in a handler that said it makes none. */
static acta_status
read_put(acta_actor *self, const acta_msg *msg)
{
	acta_put(self, acta_int("i", 1000));
	return acta_reply(self, acta_int("i", 1000));
}

static acta_status
read_add(acta_actor *self, const acta_msg *msg)
{
	return acta_reply(self, acta_int("i", acta_add(self, "i", 1)));
}

static acta_status
read_delete(acta_actor *self, const acta_msg *msg)
{
	acta_delete(self, "i");
	return ACTA_DONE;
}

static acta_status
read_send(acta_actor *self, const acta_msg *msg)
{
	acta_send(self, "state/helper", "add", acta_str("name", "sent"),
	    acta_int("n", 1));
	return ACTA_DONE;
}

static acta_status
read_publish(acta_actor *self, const acta_msg *msg)
{
	acta_publish(self, "read", ACTA_NONE);
	return ACTA_DONE;
}

static acta_status
read_timer(acta_actor *self, const acta_msg *msg)
{
	acta_timer(self, "tick", "ticked", acta_after(10));
	return ACTA_DONE;
}

static acta_status
read_cancel(acta_actor *self, const acta_msg *msg)
{
	acta_timer_cancel(self, "tick");
	return ACTA_DONE;
}

static acta_status
read_ask(acta_actor *self, const acta_msg *msg)
{
	acta_ask(self, "state/helper", "peek", "peeked", ACTA_NONE);
	return ACTA_DONE;
}

static acta_status
read_reject(acta_actor *self, const acta_msg *msg)
{
	return acta_reject(self, "no", "that changes nothing");
}

static acta_status
read_defer(acta_actor *self, const acta_msg *msg)
{
	return *acta_defer(self) ? ACTA_DONE : ACTA_DONE;
}

static acta_status
ask_read(acta_actor *self, const acta_msg *msg)
{
	acta_ask(self, acta_arg_str(msg, "to"), "peek", "peeked", ACTA_NONE);
	return ACTA_DONE;
}

static acta_status
peeked(acta_actor *self, const acta_msg *msg)
{
	acta_put(self, acta_int("peeked", acta_arg_int(msg, "i")));
	return ACTA_DONE;
}

/* clang-format off */
static const struct acta_handler handlers[] = {
	{ "put", put, .args = "name:str v:any?" },
	{ "put-all", put_all, .args = "rows:map" },
	{ "get", get, .args = "name:str", .flags = ACTA_READS },
	{ "get-typed", get_typed },
	{ "put-typed", put_typed },
	{ "see-own-puts", see_own_puts },
	{ "outlive", outlive },
	{ "names", names },
	{ "add", add, .args = "name:str n:int" },
	{ "delete", delete, .args = "name:str" },
	{ "renew", renew, .args = "name:str" },
	{ "scan", scan, .args = "prefix:str", .flags = ACTA_READS },
	{ "count", count, .args = "prefix:str", .flags = ACTA_READS },
	{ "scan-and-write", scan_and_write },
	{ "scan-and-clear", scan_and_clear },
	{ "scan-nested", scan_nested },
	{ "fill", fill, .args = "from:int n:int" },
	{ "prepare", prepare },
	{ "ask-prepare", ask_prepare, .args = "to:str" },
	{ "prepared", prepared, .args = "by:str", .flags = ACTA_PRIVATE },
	{ "vanish", vanish },
	{ "release", release, .args = "token:str", .flags = ACTA_INSIDE },
	{ "ticked", ticked, .flags = ACTA_PRIVATE },
	{ "answered", answered, .flags = ACTA_PRIVATE },
	{ "put-and-reject", put_and_reject },
	{ "peek", peek, .flags = ACTA_READS },
	{ "read-put", read_put, .flags = ACTA_READS },
	{ "read-add", read_add, .flags = ACTA_READS },
	{ "read-delete", read_delete, .flags = ACTA_READS },
	{ "read-send", read_send, .flags = ACTA_READS },
	{ "read-publish", read_publish, .flags = ACTA_READS },
	{ "read-timer", read_timer, .flags = ACTA_READS },
	{ "read-cancel", read_cancel, .flags = ACTA_READS },
	{ "read-ask", read_ask, .flags = ACTA_READS },
	{ "read-reject", read_reject, .flags = ACTA_READS },
	{ "read-defer", read_defer, .flags = ACTA_READS },
	{ "ask-read", ask_read, .args = "to:str" },
	{ "peeked", peeked, .args = "i:int", .flags = ACTA_PRIVATE },
	{ 0 }
};
/* clang-format on */

ACTA_SERVICE("state", "1.0.0", handlers, .doc = "Rows of an actor.");
