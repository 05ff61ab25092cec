"""Definitions of source files by tree-sitter's grammars: paths on standard input, one JSON object a definition on output."""
import importlib
import json
import sys

from tree_sitter import Language, Parser

GRAMMARS = {
    "JavaScript": ("tree_sitter_javascript", "language"),
    "TypeScript": ("tree_sitter_typescript", "language_typescript"),
    "Python": ("tree_sitter_python", "language"),
    "C": ("tree_sitter_c", "language"),
    "C++": ("tree_sitter_cpp", "language"),
    "Go": ("tree_sitter_go", "language"),
    "Rust": ("tree_sitter_rust", "language"),
    "Java": ("tree_sitter_java", "language"),
}
# functions, methods, classes and types, as the grammars call them
NAMED = set(
    "function_declaration generator_function_declaration class_declaration abstract_class_declaration method_definition "
    "interface_declaration type_alias_declaration enum_declaration function_definition class_definition "
    "struct_specifier class_specifier union_specifier enum_specifier namespace_definition preproc_def "
    "preproc_function_def type_definition method_declaration type_spec function_item struct_item enum_item trait_item "
    "mod_item type_item macro_definition record_declaration constructor_declaration".split()
)
FUNCTIONS = {"arrow_function", "function_expression", "generator_function", "class"}


def name_of(node):
    if node.type == "variable_declarator":
        value = node.child_by_field_name("value")
        return node.child_by_field_name("name") if value is not None and value.type in FUNCTIONS else None
    if node.type not in NAMED:
        return None
    if node.type.endswith("_specifier") and node.child_by_field_name("body") is None:
        return None
    found = node.child_by_field_name("name") or node.child_by_field_name("declarator")
    while found is not None and found.child_by_field_name("declarator") is not None:
        found = found.child_by_field_name("declarator")
    while found is not None and found.type == "qualified_identifier":
        found = found.child_by_field_name("name")
    return found


module, function = GRAMMARS[sys.argv[1]]
parser = Parser(Language(getattr(importlib.import_module(module), function)()))
for path in sys.stdin.read().split("\n"):
    with open(path, "rb") as file:
        tree = parser.parse(file.read())
    nodes = [tree.root_node]
    while nodes:
        node = nodes.pop()
        nodes.extend(node.children)
        name = name_of(node)
        if name is not None:
            line, end = node.start_point[0] + 1, node.end_point[0] + 1
            print(json.dumps({"path": path, "name": name.text.decode("utf-8", "replace"), "line": line, "end": end}))
