/* runtime/cli/new.c - `acta new` and `cflags`. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codecs/envelope.h"
#include "codecs/packer.h"
#include "runtime/acta.h"
#include "runtime/cli/cli.h"
#include "runtime/config.h"

/* @ stands for the name. */
static const char service_c[] =
    "/* @.c - how many of each product are left. One actor a product. */\n"
    "#include <inttypes.h>\n"
    "\n"
    "#include <acta.h>\n"
    "\n"
    "static acta_status\n"
    "reserve(acta_actor *self, const acta_msg *msg)\n"
    "{\n"
    "\tint64_t qty = acta_arg_int(msg, \"qty\");\n"
    "\tint64_t left = acta_get_int(self, \"available\", 0) -\n"
    "\t    acta_get_int(self, \"reserved\", 0);\n"
    "\n"
    "\tif (qty > left)\n"
    "\t\treturn acta_reject(self, \"out-of-stock\", \"%\" PRId64 \" left\",\n"
    "\t\t    left);\n"
    "\tacta_add(self, \"reserved\", qty);\n"
    "\tacta_publish(self, \"reserved\", acta_int(\"qty\", qty));\n"
    "\treturn acta_reply(self, acta_int(\"left\", left - qty));\n"
    "}\n"
    "\n"
    "static acta_status\n"
    "restock(acta_actor *self, const acta_msg *msg)\n"
    "{\n"
    "\tint64_t now = acta_add(self, \"available\",\n"
    "\t    acta_arg_int(msg, \"qty\"));\n"
    "\n"
    "\treturn acta_reply(self, acta_int(\"available\", now));\n"
    "}\n"
    "\n"
    "static const struct acta_handler handlers[] = {\n"
    "\t{ \"reserve\", reserve, .args = \"qty:int\",\n"
    "\t    .doc = \"Set units aside.\" },\n"
    "\t{ \"restock\", restock, .args = \"qty:int\",\n"
    "\t    .doc = \"Take units in.\" },\n"
    "\t{ 0 }\n"
    "};\n"
    "\n"
    "ACTA_SERVICE(\"@\", \"1.0.0\", handlers);\n";

static const char service_make[] =
    "@.so: @.c\n"
    "\t$(CC) -shared -fPIC $(shell acta cflags) $(CFLAGS) -o @.so @.c\n"
    "\n"
    "clean:\n"
    "\trm -f @.so\n"
    "\n"
    ".PHONY: clean\n";

static const char service_yaml[] = "services:\n"
				   "  - name: @\n"
				   "    load: @.so\n";

/* Write `text` with the name in it to a file that must not be there yet. */
static int
write_file(const struct acta_cli *cli, const char *path, const char *text,
    const char *name)
{
	FILE *file = fopen(path, "wxe");

	if (file == NULL)
		return acta_sayf(
		    errno == EEXIST ? ACTA_EXIT_CONFLICT : ACTA_EXIT_FAILED,
		    errno == EEXIST ? "it was left as it is" : NULL, "%s: %s",
		    path, strerror(errno));
	for (; *text != '\0'; text++) {
		if (*text == '@')
			fputs(name, file);
		else
			fputc(*text, file);
	}
	if (fclose(file) != 0)
		return acta_sayf(
		    ACTA_EXIT_FAILED, NULL, "%s: %s", path, strerror(errno));
	/* Names were checked: nothing in a path is to be escaped. */
	if (cli->json)
		printf("{\"made\": \"%s\"}\n", path);
	return ACTA_EXIT_OK;
}

static int
new_service(const struct acta_cli *cli, const char *name)
{
	const char *texts[] = { service_c, service_make, service_yaml };
	char *paths[] = { acta_text_keepf("%s/%s.c", name, name),
		acta_text_keepf("%s/Makefile", name),
		acta_text_keepf("%s/%s.yaml", name, name) };
	int code = ACTA_EXIT_OK, i;

	if (mkdir(name, 0777) != 0)
		code = acta_sayf(
		    errno == EEXIST ? ACTA_EXIT_CONFLICT : ACTA_EXIT_FAILED,
		    errno == EEXIST ? "choose another name, or another place"
				    : NULL,
		    "%s: %s", name, strerror(errno));
	for (i = 0; i < 3 && code == ACTA_EXIT_OK; i++)
		code = write_file(cli, paths[i], texts[i], name);
	for (i = 0; i < 3; i++)
		free(paths[i]);
	if (code == ACTA_EXIT_OK)
		fprintf(stderr,
		    "acta: made %s/: cd %s && make && acta run %s.yaml\n", name,
		    name, name);
	return code;
}

/* If `file` is a service: a line of YAML. */
static bool
list_service(const struct acta_config_world *world, const char *file,
    struct acta_buf *yaml)
{
	struct acta_declared declared;
	struct acta_why why;
	char *path = realpath(file, NULL);
	bool is = path != NULL &&
	    acta_config_describe(world->describe_arg, path, &declared, &why) ==
		ACTA_OK;

	if (is) {
		acta_text_printf(
		    yaml, "  - {name: %s, load: %s}\n", declared.name, file);
		acta_declared_fini(&declared);
	}
	free(path);
	return is;
}

/* Each NAME.so of this folder, and NAME/NAME.so as `new service` makes it. */
static uint32_t
list_services(struct acta_buf *yaml)
{
	struct acta_config_world world;
	struct acta_buf buf;
	struct dirent **entries = NULL;
	int found = scandir(".", &entries, NULL, alphasort);
	uint32_t count = 0;

	acta_buf_init(&buf);
	acta_config_world(&world, &buf);
	for (int i = 0; i < found; i++) {
		const char *name = entries[i]->d_name;
		size_t size = strlen(name);
		char *file = NULL;

		if (size >= 4 && strcmp(name + size - 3, ".so") == 0)
			file = acta_text_keepf("%s", name);
		else if (acta_service_valid(name, size))
			file = acta_text_keepf("%s/%s.so", name, name);
		count += file != NULL && list_service(&world, file, yaml);
		free(file);
		free(entries[i]);
	}
	free(entries);
	acta_buf_fini(&buf);
	return count;
}

static int
new_node(const struct acta_cli *cli, const char *name)
{
	char *path = acta_text_keepf("%s.yaml", name);
	struct acta_buf yaml;
	uint32_t count;
	int code;

	acta_buf_init(&yaml);
	acta_text_printf(&yaml,
	    "# A node of services: acta check, then acta run. acta.yaml(5) has "
	    "the keys.\n"
	    "node: %s\n"
	    "data: ./data\n"
	    "door: {call: tcp://127.0.0.1:7700, push: tcp://127.0.0.1:7701, "
	    "events: tcp://127.0.0.1:7702}\n"
	    "services:\n",
	    name);
	count = list_services(&yaml);
	if (count == 0)
		acta_text_printf(&yaml, "  - {name: stock, load: stock.so}\n");
	acta_buf_append(&yaml, "", 1);
	code = write_file(cli, path, (char *)yaml.data, name);
	if (code == ACTA_EXIT_OK && count > 0)
		fprintf(stderr,
		    "acta: made %s with %u service%s: acta run "
		    "%s\n",
		    path, count, count == 1 ? "" : "s", path);
	else if (code == ACTA_EXIT_OK)
		fprintf(stderr,
		    "acta: made %s with an example: no service is "
		    "built here (acta new service NAME)\n",
		    path);
	acta_buf_fini(&yaml);
	free(path);
	return code;
}

int
acta_cmd_new(struct acta_cli *cli)
{
	const char *what = cli->argv[0], *name = cli->argv[1];

	if (strcmp(what, "service") != 0 && strcmp(what, "node") != 0)
		return acta_sayf(ACTA_EXIT_USAGE,
		    "acta new service NAME, or acta new node NAME",
		    "no kind of thing: \"%s\"", what);
	if (!acta_service_valid(name, strlen(name)))
		return acta_sayf(ACTA_EXIT_USAGE,
		    "a small letter, then at most 31 of a-z 0-9 -",
		    "\"%s\" is no name for a %s", name, what);
	return what[0] == 's' ? new_service(cli, name) : new_node(cli, name);
}

/* Beside bin/ in a build, below the prefix when installed: the same place. */
static char *
include_dir(void)
{
	char self[PATH_MAX];
	ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int up;

	if (size <= 0)
		return acta_text_keepf("/usr/local/include");
	self[size] = '\0';
	for (up = 0; up < 2 && strrchr(self, '/') != NULL; up++)
		*strrchr(self, '/') = '\0';
	return acta_text_keepf("%s/include", self);
}

int
acta_cmd_cflags(struct acta_cli *cli)
{
	struct acta_buf packed, out;
	char *dir = include_dir();
	bool quote = strpbrk(dir, " '\"$\\") != NULL;

	if (cli->json) {
		char *flags = acta_text_keepf("-I%s", dir);

		acta_buf_init(&packed);
		acta_buf_init(&out);
		acta_pack_map(&packed, 1);
		acta_pack_text(&packed, "cflags");
		acta_pack_text(&packed, flags);
		acta_out_json(packed.data, packed.size, &out);
		acta_out_line(&out);
		acta_buf_fini(&packed);
		acta_buf_fini(&out);
		free(flags);
	} else {
		printf(quote ? "'-I%s'\n" : "-I%s\n", dir);
	}
	free(dir);
	acta_out_flush();
	return ACTA_EXIT_OK;
}
