/* values.c - values, args and the actor's own particulars, handed back. */
#include <acta.h>

/* A handler may leave its message, and its table fields, alone. */
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

struct values_shared {
	int magic;
	char greeting[64];
};

extern int values_starts, values_stops, values_stopped_magic;
int values_starts;
int values_stops;
int values_stopped_magic;

static acta_status
echo(acta_actor *self, const acta_msg *msg)
{
	return acta_reply(self, acta_val("v", acta_arg(msg, "v")));
}

static acta_status
kinds(acta_actor *self, const acta_msg *msg)
{
	return acta_reply(self, acta_int("i", acta_arg_int(msg, "i")),
	    acta_num("n", acta_arg_num(msg, "n")),
	    acta_bool("b", acta_arg_bool(msg, "b")),
	    acta_str("s", acta_arg_str(msg, "s")),
	    acta_addr("r", acta_arg_ref(msg, "r")),
	    acta_str("r-text", acta_address(acta_arg_ref(msg, "r"))),
	    acta_val("x", acta_arg(msg, "x")),
	    acta_val("t", acta_arg(msg, "t")),
	    acta_val("l", acta_arg(msg, "l")),
	    acta_val("m", acta_arg(msg, "m")),
	    acta_val("a", acta_arg(msg, "a")));
}

static acta_status
defaults(acta_actor *self, const acta_msg *msg)
{
	return acta_reply(self, acta_int("qty", acta_arg_int(msg, "qty")),
	    acta_num("ratio", acta_arg_num(msg, "ratio")),
	    acta_bool("on", acta_arg_bool(msg, "on")),
	    acta_str("name", acta_arg_str(msg, "name")),
	    acta_val("qty-value", acta_arg(msg, "qty")));
}

static acta_status
missing(acta_actor *self, const acta_msg *msg)
{
	acta_value none = acta_arg(msg, "a");
	acta_value no_int = acta_arg(msg, "i");

	return acta_reply(self, acta_int("i", acta_arg_int(msg, "i")),
	    acta_num("n", acta_arg_num(msg, "n")),
	    acta_bool("b", acta_arg_bool(msg, "b")),
	    acta_str("s", acta_arg_str(msg, "s")),
	    acta_addr("r", acta_arg_ref(msg, "r")),
	    acta_bool("absent",
		none.type == ACTA_ABSENT && none.size == 0 &&
		    none.as.data == NULL && no_int.type == ACTA_ABSENT));
}

static acta_status
need(acta_actor *self, const acta_msg *msg)
{
	acta_add(self, "needed", acta_arg_int(msg, "qty"));
	return ACTA_DONE;
}

/* Calls `need` of another actor, with an arg that it never declared. */
static acta_status
tell(acta_actor *self, const acta_msg *msg)
{
	acta_send(self, acta_arg_str(msg, "to"), "need", acta_int("qty", 3),
	    acta_str("colour", "red"));
	return ACTA_DONE;
}

static acta_status
who(acta_actor *self, const acta_msg *msg)
{
	return acta_reply(self, acta_str("key", acta_key(self)),
	    acta_str("self", acta_address(acta_self(self))),
	    acta_str("type", acta_msg_type(msg)),
	    acta_str("from", acta_msg_from(msg)),
	    acta_bool("no-sender", acta_msg_sender(msg) == NULL),
	    acta_str("id", acta_msg_id(msg)),
	    acta_int("attempt", acta_msg_attempt(msg)));
}

static acta_status
refs(acta_actor *self, const acta_msg *msg)
{
	acta_ref to = acta_to(self, acta_arg_str(msg, "to"));
	acta_ref n = acta_to_n(self, "stock/", 17);
	acta_ref zero = acta_to_n(self, "stock/a-", 0);
	acta_ref minus = acta_to_n(self, "stock/", -5);
	acta_ref most = acta_to_n(self, "stock/", INT64_MAX);

	return acta_reply(self, acta_str("to", acta_address(to)),
	    acta_addr("addr", to), acta_str("n", acta_address(n)),
	    acta_str("zero", acta_address(zero)),
	    acta_str("minus", acta_address(minus)),
	    acta_str("most", acta_address(most)),
	    acta_str("nobody", acta_address(NULL)), acta_addr("nil", NULL));
}

static acta_status
now(acta_actor *self, const acta_msg *msg)
{
	int64_t first = acta_now_ms(self);
	bool same = true;

	for (volatile int i = 0; i < 3000000; i++)
		if (i % 1000 == 0)
			same = same && acta_now_ms(self) == first;
	return acta_reply(
	    self, acta_int("now", first), acta_bool("same", same));
}

static acta_status
unique(acta_actor *self, const acta_msg *msg)
{
	const char *a = acta_unique(self);
	const char *b = acta_unique(self);

	return acta_reply(self, acta_str("a", a), acta_str("b", b),
	    acta_int("now", acta_now_ms(self)));
}

static acta_status
setting(acta_actor *self, const acta_msg *msg)
{
	struct values_shared *shared = acta_shared(self);

	return acta_reply(self,
	    acta_val("greeting", acta_setting(self, "greeting")),
	    acta_val("limit", acta_setting(self, "limit")),
	    acta_val("label", acta_setting(self, "label")),
	    acta_int("magic", shared ? shared->magic : 0),
	    acta_str("at-start", shared ? shared->greeting : ""));
}

static bool
aligned(const void *p)
{
	return (uintptr_t)p % _Alignof(max_align_t) == 0;
}

static acta_status
memory(acta_actor *self, const acta_msg *msg)
{
	char *small = acta_alloc(self, 1);
	unsigned char *big = acta_alloc(self, 300000);
	char *more = acta_alloc(self, 24);
	const char *one = acta_format(self, "items/%d/%s", 12, "qty");
	const char *two = acta_format(self, "%03d", 7);
	const char *wide = acta_format(self, "%5000d", 1);
	size_t width = __builtin_strlen(wide);
	bool fine;

	*small = 's';
	__builtin_memset(big, 0x5a, 300000);
	__builtin_memset(more, 'm', 24);
	fine = aligned(small) && aligned(big) && aligned(more) &&
	    *small == 's' && big[0] == 0x5a && big[299999] == 0x5a &&
	    more[23] == 'm';
	return acta_reply(self, acta_bool("fine", fine), acta_str("one", one),
	    acta_str("two", two), acta_int("width", (int64_t)width));
}

static acta_status
texts(acta_actor *self, const acta_msg *msg)
{
	acta_value none = { ACTA_ABSENT, 0, { 0 } };
	acta_value most = { ACTA_UINT, 0, { .u = UINT64_MAX } };
	acta_value least = { ACTA_INT, 0, { .i = INT64_MIN } };
	acta_value part = { ACTA_STR, 3, { .data = "abcdef" } };
	acta_value half = { ACTA_NUM, 0, { .d = 0.5 } };

	return acta_reply(self, acta_str("none", acta_text(self, none)),
	    acta_str("most", acta_text(self, most)),
	    acta_str("least", acta_text(self, least)),
	    acta_str("part", acta_text(self, part)),
	    acta_str("half", acta_text(self, half)));
}

static acta_status
build(acta_actor *self, const acta_msg *msg)
{
	acta_list *list = acta_list_new(self);
	acta_list *empty = acta_list_new(self);
	acta_value map;
	acta_field as_of_now;

	acta_list_add(list, acta_int("its-name-is-unused", 1));
	acta_list_add(list, acta_str(NULL, "two"));
	as_of_now = acta_items("before", list);
	acta_list_row(list, acta_int("row", 3), acta_bool("yes", true));
	map = acta_map(self, as_of_now, acta_items("after", list),
	    acta_items("empty", empty),
	    acta_val("left-out", acta_arg(msg, "no")), ACTA_NONE,
	    acta_str("nil", NULL),
	    acta_val("map", acta_map(self, acta_int("x", 1))),
	    acta_val("bare", acta_map(self, ACTA_NONE)));
	acta_list_add(list, acta_int(NULL, 4));
	return acta_reply(
	    self, acta_val("map", map), acta_int("size", map.size));
}

static acta_status
walk(acta_actor *self, const acta_msg *msg)
{
	acta_list *out = acta_list_new(self);
	acta_cursor c;

	for (c = acta_each(self, acta_arg(msg, "v")); acta_next(&c);)
		acta_list_row(out, acta_str("name", c.name),
		    acta_int("index", (int64_t)c.index),
		    acta_val("value", c.value));
	return acta_reply(self, acta_items("steps", out));
}

/* A deep call chain's worth: a handler has 256 KiB. */
static acta_status
stack(acta_actor *self, const acta_msg *msg)
{
	volatile unsigned char room[200 * 1024];
	int64_t sum = 0;

	for (size_t i = 0; i < sizeof room; i += 512)
		room[i] = 1;
	for (size_t i = 0; i < sizeof room; i += 512)
		sum += room[i];
	return acta_reply(self, acta_int("sum", sum));
}

/* Every level, many fields: none of it is an effect or a failure. */
static acta_status
logs(acta_actor *self, const acta_msg *msg)
{
	acta_log(self, ACTA_DEBUG, "debug", ACTA_NONE);
	acta_log(self, ACTA_INFO, "info", acta_int("n", 1));
	acta_log(self, ACTA_WARN, "warn", acta_str("s", "a \"quoted\"\nline"),
	    acta_num("d", 1.5), acta_bool("b", true), acta_str("nil", NULL));
	acta_log(self, ACTA_ERROR, "error", acta_addr("who", acta_self(self)));
	for (int i = 0; i < 20000; i++) /* over any limit of effects, or rate */
		acta_log(self, ACTA_DEBUG, "flood", acta_int("i", i));
	return acta_reply(self, acta_bool("logged", true));
}

static acta_status
begin(acta_actor *self, void **out_shared)
{
	static struct values_shared shared;
	const char *greeting = acta_text(self, acta_setting(self, "greeting"));

	values_starts++;
	shared.magic = 4711;
	__builtin_snprintf(
	    shared.greeting, sizeof shared.greeting, "%s", greeting);
	*out_shared = &shared;
	return ACTA_DONE;
}

static void
end(void *shared)
{
	values_stops++;
	values_stopped_magic = ((struct values_shared *)shared)->magic;
}

/* clang-format off */
static const struct acta_handler handlers[] = {
	{ "echo", echo, .args = "v:any?" },
	{ "kinds", kinds,
	    .args = "i:int n:num b:bool s:str x:bin t:time l:list m:map r:ref "
	            "a:any" },
	{ "defaults", defaults,
	    .args = "qty:int=7 ratio:num=0.5 on:bool=true name:str=abc" },
	{ "missing", missing, .args = "i:int? n:num? b:bool? s:str? r:ref? a:any?" },
	{ "need", need, .args = "qty:int sku:str?" },
	{ "tell", tell, .args = "to:str" },
	{ "who", who },
	{ "refs", refs, .args = "to:str" },
	{ "now", now },
	{ "unique", unique },
	{ "setting", setting },
	{ "memory", memory },
	{ "texts", texts },
	{ "build", build, .args = "no:any?" },
	{ "walk", walk, .args = "v:any" },
	{ "stack", stack },
	{ "logs", logs },
	{ 0 }
};
/* clang-format on */

ACTA_SERVICE("values", "1.0.0", handlers, .doc = "Hands values back.",
    .settings = "greeting:str=hello limit:int=3 label:str?", .start = begin,
    .stop = end);
