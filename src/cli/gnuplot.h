/*
 * gnuplot.h: pictures, drawn by gnuplot(1).
 */
#ifndef CLI_GNUPLOT_H
#define CLI_GNUPLOT_H

#include <stdbool.h>
#include <stdio.h>

/* It can be called; false after a message that names the option. */
bool gnuplot_is_there(const char *option);
/* The command "set title" with the words of a command line. */
void gnuplot_title(char *const *argv, FILE *script);
/* Draws what the script says into the file.  0, or 125 after a message. */
int gnuplot_draw(const char *option, const char *script, FILE *out);

#endif
