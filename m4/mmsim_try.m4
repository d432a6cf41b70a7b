# mmsim_try.m4: takes flags that not every compiler or linker knows.

# MMSIM_TRY_CFLAGS(VARIABLE, FLAG-TO-TRY, FLAGS)
# Sets and substitutes VARIABLE: FLAGS when the C compiler takes FLAG-TO-TRY,
# else nothing.  -Werror, because clang only warns about flags it does not know.
AC_DEFUN([MMSIM_TRY_CFLAGS],
    [AC_MSG_CHECKING([whether $CC takes $2])
    mmsim_saved=$CFLAGS
    CFLAGS="$CFLAGS -Werror $2"
    AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])],
        [$1="$3"; AC_MSG_RESULT([yes])],
        [$1=; AC_MSG_RESULT([no])])
    CFLAGS=$mmsim_saved
    AC_SUBST([$1])])

# MMSIM_TRY_LDFLAGS(VARIABLE, FLAG-TO-TRY, FLAGS)
# The same for a link.
AC_DEFUN([MMSIM_TRY_LDFLAGS],
    [AC_MSG_CHECKING([whether $CC links with $2])
    mmsim_saved=$LDFLAGS
    LDFLAGS="$LDFLAGS $2"
    AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
        [$1="$3"; AC_MSG_RESULT([yes])],
        [$1=; AC_MSG_RESULT([no])])
    LDFLAGS=$mmsim_saved
    AC_SUBST([$1])])
