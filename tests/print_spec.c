/*
 * print_spec.c: what a machine's spec may say, in the words of the manual page.
 *
 * One line for each key, as "key|what is allowed", and one for each setting, as
 * "setting|range|default|kernel that has it first".  The words are those that
 * mmsim_spec_check answers to a bad value; defaults are read from machines that
 * have booted.
 */
#include "kernel/machine.h"

#include <mmsim/kernel.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char not_allowed[] = "x";

/* What the answer to KEY=x says behind "KEY=x: ". */
static void allowed(const char *key, char *text, size_t len)
{
	char spec[200], why[400];
	const char *says;

	snprintf(spec, sizeof(spec), "%s=%s", key, not_allowed);
	mmsim_spec_check(spec, why, sizeof(why));
	says = strstr(why, ": ");
	snprintf(text, len, "%s", says ? says + 2 : why);
}

/* The answer to an unknown key lists them all. */
static void print_keys(void)
{
	char why[400], text[400];
	char *word, *rest;

	mmsim_spec_check("?=", why, sizeof(why));
	rest = strstr(why, "allowed are ");
	if (!rest)
		exit(1);
	rest += strlen("allowed are ");
	while ((word = strtok_r(rest, " ", &rest)) && strcmp(word, "and")) {
		allowed(word, text, sizeof(text));
		printf("%s|%s\n", word, text);
	}
}

/* The setting's value after boot; "-": that kernel does not have it. */
static void value_of(const char *spec, const char *name, char *text, size_t len)
{
	struct mmsim_machine *machine;
	char path[200] = "/proc/sys/";

	if (mmsim_machine_boot(spec, &machine))
		exit(1);
	strcat(path, name);
	*strchr(path, '.') = '/';
	if (mmsim_proc_read(machine, path, text, len) < 0)
		strcpy(text, "-\n");
	text[strcspn(text, "\n")] = '\0';
	mmsim_machine_shutdown(machine);
}

static const char *first_kernel(const char *name)
{
	static const char *const kernels[] = { "2.6.32", "3.10", "6.1" };
	char spec[80], value[200];

	for (size_t i = 0; i < ARRAY_SIZE(kernels); i++) {
		snprintf(spec, sizeof(spec), "ram=64M,profile=linux-%s",
			 kernels[i]);
		value_of(spec, name, value, sizeof(value));
		if (strcmp(value, "-"))
			return kernels[i];
	}
	return "6.18";
}

/* Takes the first `part` out of the text. */
static void cut_out(char *text, const char *part)
{
	char *at = strstr(text, part);

	if (at)
		memmove(at, at + strlen(part), strlen(at + strlen(part)) + 1);
}

static void tabs_to_spaces(char *text)
{
	for (; *text; text++)
		if (*text == '\t')
			*text = ' ';
}

static void print_setting(const char *name, void *arg)
{
	char range[400], small[200], large[200];

	(void)arg;
	allowed(name, range, sizeof(range));
	cut_out(range, "a number from ");
	cut_out(range, " is allowed");
	cut_out(range, " are allowed");
	value_of("ram=64M", name, small, sizeof(small));
	value_of("ram=8G", name, large, sizeof(large));
	tabs_to_spaces(small);
	tabs_to_spaces(large);
	printf("%s|%s|%s|%s\n", name, range,
	       strcmp(small, large) ? "by the memory" : small,
	       first_kernel(name));
}

int main(void)
{
	print_keys();
	sysctl_for_each(print_setting, NULL);
	return 0;
}
