//! What names an argument of the function, or must not.

use super::refused;

#[test]
fn clones_and_contexts_know_the_arguments() {
    refused(
        "clone(ulr)",
        "`ulr` in `clone` names no argument of the function",
        "write `clone(url)`",
    );
    refused("clone(url, url)", "`url` is listed twice in `clone`", "remove one of the two");
    refused("clone()", "`clone` needs the names of arguments", "write `clone(self)`");
    refused(
        "clone = [url]",
        "`clone` takes arguments in parentheses, found `[url]`",
        "write `clone(url)`",
    );
    refused(
        "clone(url.x)",
        "`clone` needs the names of arguments, found `url.x`",
        "the arguments are `self`, `url` and `tenant`",
    );
    refused(
        "context = url",
        "`context = url` would hide the argument `url`",
        "write `context = attempt`",
    );
    refused(
        "context = \"attempt\"",
        "`context` needs a name, found the string \"attempt\"",
        "write `context = attempt`",
    );
    refused(
        "context = a::b",
        "`context` needs a name, found the path `a::b`",
        "write `context = attempt`",
    );
}
