"""A program with a button and an entry, as assistive technology sees it. No toolkit: it speaks AT-SPI itself."""
from gi.repository import Gio, GLib

ROOT = "/org/a11y/atspi/accessible/root"
REGISTRY = "org.a11y.atspi.Registry"
INTERFACES = Gio.DBusNodeInfo.new_for_xml("""<node>
<interface name="org.a11y.atspi.Accessible">
  <property name="Name" type="s" access="read"/><property name="Description" type="s" access="read"/>
  <property name="ChildCount" type="i" access="read"/><property name="Parent" type="(so)" access="read"/>
  <method name="GetChildren"><arg type="a(so)" direction="out"/></method>
  <method name="GetRoleName"><arg type="s" direction="out"/></method>
  <method name="GetRole"><arg type="u" direction="out"/></method>
  <method name="GetState"><arg type="au" direction="out"/></method>
  <method name="GetInterfaces"><arg type="as" direction="out"/></method>
</interface>
<interface name="org.a11y.atspi.Application">
  <property name="Id" type="i" access="readwrite"/><property name="ToolkitName" type="s" access="read"/>
  <property name="Version" type="s" access="read"/>
</interface>
<interface name="org.a11y.atspi.Component">
  <method name="GetExtents"><arg type="u" direction="in"/><arg type="(iiii)" direction="out"/></method>
  <method name="GrabFocus"><arg type="b" direction="out"/></method>
</interface>
<interface name="org.a11y.atspi.Action">
  <property name="NActions" type="i" access="read"/>
  <method name="GetName"><arg type="i" direction="in"/><arg type="s" direction="out"/></method>
  <method name="DoAction"><arg type="i" direction="in"/><arg type="b" direction="out"/></method>
</interface>
<interface name="org.a11y.atspi.EditableText">
  <method name="SetTextContents"><arg type="s" direction="in"/><arg type="b" direction="out"/></method>
</interface>
</node>""")
ACTIVE, ENABLED, FOCUSED, SHOWING = 1, 8, 12, 25

# Path: role, name, states, interfaces, children.
WIDGETS = {
    ROOT: ["application", "tests", [], ["Application"], ["/window"]],
    "/window": ["frame", "Window", [ACTIVE, SHOWING], ["Component"], ["/button", "/entry"]],
    "/button": ["push button", "Press me", [ENABLED, SHOWING], ["Component", "Action"], []],
    "/entry": ["text", "", [ENABLED, SHOWING], ["Component", "EditableText"], []],
}

session = Gio.bus_get_sync(Gio.BusType.SESSION)
address = session.call_sync("org.a11y.Bus", "/org/a11y/bus", "org.a11y.Bus", "GetAddress", None, None, 0, -1).unpack()[0]
flags = Gio.DBusConnectionFlags
bus = Gio.DBusConnection.new_for_address_sync(
    address, flags.AUTHENTICATION_CLIENT | flags.MESSAGE_BUS_CONNECTION, None, None)


def call(_bus, _sender, path, interface, method, parameters, invocation):
    widget = WIDGETS[path]
    role, name, states, interfaces, children = widget
    me = bus.get_unique_name()
    if method == "GetChildren":
        answer = ("(a(so))", ([(me, child) for child in children],))
    elif method == "GetRoleName":
        answer = ("(s)", (role,))
    elif method == "GetRole":
        answer = ("(u)", (0,))
    elif method == "GetState":
        bits = sum(1 << state for state in states)
        answer = ("(au)", ([bits & 0xFFFFFFFF, bits >> 32],))
    elif method == "GetInterfaces":
        answer = ("(as)", (["org.a11y.atspi." + name for name in ["Accessible"] + interfaces],))
    elif method == "GetExtents":
        answer = ("((iiii))", ((10, 20, 300, 40),))
    elif method == "GrabFocus":
        if path == "/entry":
            states.append(FOCUSED)
        answer = ("(b)", (path == "/entry",))
    elif method == "GetName":
        answer = ("(s)", ("click",))
    elif method == "DoAction":
        widget[1] = "Pressed"
        answer = ("(b)", (True,))
    elif method == "SetTextContents":
        widget[1] = parameters.unpack()[0]
        answer = ("(b)", (False,))
    invocation.return_value(GLib.Variant(*answer))


def get(_bus, _sender, path, _interface, name):
    values = {
        "Name": ("s", WIDGETS[path][1]), "Description": ("s", ""), "ChildCount": ("i", len(WIDGETS[path][4])),
        "Parent": ("(so)", ("", "/org/a11y/atspi/null")), "Id": ("i", 0), "ToolkitName": ("s", "none"),
        "Version": ("s", "0"), "NActions": ("i", 1),
    }
    return GLib.Variant(*values[name])


for path, (_, _, _, interfaces, _) in WIDGETS.items():
    for name in ["Accessible"] + interfaces:
        info = INTERFACES.lookup_interface("org.a11y.atspi." + name)
        bus.register_object(path, info, call, get, lambda *_: True)
embedded = GLib.Variant("((so))", ((bus.get_unique_name(), ROOT),))
bus.call_sync(REGISTRY, ROOT, "org.a11y.atspi.Socket", "Embed", embedded, None, 0, -1)
print("ready", flush=True)
GLib.MainLoop().run()
