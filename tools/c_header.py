"""The text of csrc/abi/vssapi.h: what a requester in C or C++ includes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

_HEAD = """\
// What a requester in C or C++ includes; docs/other-languages.md has examples of both. In C a method is called through
// its object's table: `backup->lpVtbl->InitializeForBackup(backup, NULL)`. Off Windows there are also the few functions of
// COM that libvssapi.so exports.
#pragma once

#ifdef __cplusplus

#include "vss_abi.h"

#else  // C11

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uchar.h>

#ifdef _WIN32

#ifndef COBJMACROS
#define COBJMACROS
#endif
#include <windows.h>

#include <objbase.h>
#include <oleauto.h>

#else

#define STDMETHODCALLTYPE

typedef int32_t BOOL;
typedef uint8_t BYTE;
typedef int32_t INT;
typedef uint32_t UINT;
typedef int32_t LONG;
typedef uint32_t ULONG;
typedef uint32_t DWORD;
typedef int64_t LONGLONG;
typedef int32_t HRESULT;
typedef char16_t WCHAR;
typedef WCHAR* BSTR;
typedef const WCHAR* LPCWSTR;

typedef struct GUID {
  uint32_t Data1;
  uint16_t Data2;
  uint16_t Data3;
  uint8_t Data4[8];
} GUID;
typedef GUID IID;
typedef GUID CLSID;
typedef const IID* REFIID;
typedef const CLSID* REFCLSID;

typedef struct FILETIME {
  DWORD dwLowDateTime;
  DWORD dwHighDateTime;
} FILETIME;

#define TRUE 1
#define FALSE 0
#define INFINITE 0xFFFFFFFFU
#define SUCCEEDED(hr) ((HRESULT)(hr) >= 0)
#define FAILED(hr) ((HRESULT)(hr) < 0)

typedef struct IUnknown IUnknown;
typedef struct IUnknownVtbl {
  HRESULT(STDMETHODCALLTYPE* QueryInterface)(IUnknown* This, REFIID riid, void** object);
  ULONG(STDMETHODCALLTYPE* AddRef)(IUnknown* This);
  ULONG(STDMETHODCALLTYPE* Release)(IUnknown* This);
} IUnknownVtbl;
struct IUnknown {
  const IUnknownVtbl* lpVtbl;
};

#endif
"""

_COM = """\
#ifndef _WIN32

#ifdef __cplusplus
extern "C" {
#endif
BSTR SysAllocString(const WCHAR* text);
BSTR SysAllocStringLen(const WCHAR* text, UINT length);
void SysFreeString(BSTR text);
UINT SysStringLen(BSTR text);
void* CoTaskMemAlloc(size_t size);
void CoTaskMemFree(void* memory);
HRESULT CoInitialize(void* reserved);
HRESULT CoInitializeEx(void* reserved, DWORD mode);
void CoUninitialize(void);
HRESULT CoInitializeSecurity(void* descriptor, LONG services, void* service, void* reserved1, DWORD authentication,
                             DWORD impersonation, void* list, DWORD capabilities, void* reserved3);
HRESULT CoCreateInstance(REFCLSID clsid, IUnknown* outer, DWORD context, REFIID iid, void** object);
#ifdef __cplusplus
}
#endif

#define COINIT_MULTITHREADED 0x0
#define COINIT_APARTMENTTHREADED 0x2
#define CLSCTX_ALL 0x17
#define RPC_C_AUTHN_LEVEL_PKT_PRIVACY 6
#define RPC_C_IMP_LEVEL_IDENTIFY 2
#define RPC_C_IMP_LEVEL_IMPERSONATE 3
#define EOAC_NONE 0x0
#define EOAC_DYNAMIC_CLOAKING 0x40

#endif
"""


def _parameters(entry: dict[str, Any]) -> str:
    return ", ".join(f"{each['type']} {each['name']}" for each in entry["params"])


def _structures() -> list[str]:
    """structs.h in C."""
    text = (ROOT / "csrc/abi/structs.h").read_text(encoding="utf-8")
    text = text[text.index("using VSS_ID") :]
    text = re.sub(r"using (\w+) = ([^;]+);", r"typedef \2 \1;", text)
    text = re.sub(r"(struct|union) (\w+) \{(.*?)\n\};", r"typedef \1 \2 {\3\n} \2;", text, flags=re.DOTALL)
    return text.splitlines()


def _tables(interfaces: dict[str, dict[str, Any]]) -> list[str]:
    """The interfaces: a table of functions for each, with those of its bases first."""
    lines = [f"typedef struct {name} {name};" for name in interfaces]
    lines += ["typedef struct IXMLDOMDocument IXMLDOMDocument;", ""]
    unknown = [
        ("HRESULT", "QueryInterface", "REFIID riid, void** object"),
        ("ULONG", "AddRef", ""),
        ("ULONG", "Release", ""),
    ]

    def methods(name: str) -> list[tuple[str, str, str]]:
        if name == "IUnknown":
            return unknown
        interface = interfaces[name]
        inherited = [method for base in interface["bases"] for method in methods(base)]
        return inherited + [("HRESULT", method["name"], _parameters(method)) for method in interface["methods"]]

    for name, interface in interfaces.items():
        if len(interface["bases"]) > 1:  # a table for each base, and `this` of each is where its pointer stands
            lines += [f"struct {name} {{"]
            lines += [
                f"  const {base}Vtbl* lpVtbl{'' if i == 0 else base};" for i, base in enumerate(interface["bases"])
            ]
            lines += ["};", ""]
            continue
        lines.append(f"typedef struct {name}Vtbl {{")
        for returned, method, parameters in methods(name):
            more = f", {parameters}" if parameters else ""
            lines.append(f"  {returned}(STDMETHODCALLTYPE* {method})({name}* This{more});")
        lines += [f"}} {name}Vtbl;", f"struct {name} {{", f"  const {name}Vtbl* lpVtbl;", "};", ""]
    return lines


def text(api: dict[str, Any], notice: list[str], signed: Callable[[int], int], guid: Callable[[str], str]) -> str:
    """The header.

    Args:
        api: what tests/data/vss_api.json holds.
        notice: the first lines of a generated C++ file.
        signed: the signed reading of a 32-bit value.
        guid: the initialiser of a GUID.
    """
    interfaces = {each["name"]: each for each in api["interfaces"]}
    lines = [*notice, *_HEAD.splitlines(), ""]
    for enum in api["enums"]:
        lines += [f"typedef enum {enum['name']} {{"]
        lines += [f"  {name} = {signed(value)}," for name, value in enum["values"].items()]
        lines += [f"}} {enum['name']};", ""]
    for common in (False, True):
        lines += ["#ifndef _WIN32"] if common else []
        lines += [
            f"#define {each['name']} ((HRESULT){each['value']}U)"
            for each in api["errors"]
            if bool(each.get("common")) == common
        ]
        lines += ["#endif", ""] if common else []
    lines += [*_structures(), "", *_tables(interfaces)]
    for function in api["functions"]:
        returned = function.get("return_type", "HRESULT")
        lines.append(f"{returned} STDMETHODCALLTYPE {function['export']}({_parameters(function)});")
    lines += ["", "#endif", ""]
    lines += ["// The SDK's headers have these themselves: the names without Internal are inline functions there, too."]
    lines += ["#if !defined(__cplusplus) || !(defined(_MSC_VER) || defined(VSSPY_SDK_HEADERS))", ""]
    for function in api["functions"]:
        returned = function.get("return_type", "HRESULT")
        arguments = ", ".join(each["name"] for each in function["params"])
        lines += [
            f"static inline {returned} {function['name']}({_parameters(function)}) {{",
            f"  {'' if returned == 'void' else 'return '}{function['export']}({arguments});",
            "}",
        ]
    lines.append("")
    ids = {f"IID_{name}": each["iid"] for name, each in interfaces.items() if each["iid"]}
    ids["CLSID_VssSnapshotMgmt"] = api["constants"]["CLSID_VssSnapshotMgmt"]
    ids["VSS_SWPRV_ProviderId"] = api["constants"]["system_provider_id"]
    lines += [f"static const GUID {name} = {guid(value)};" for name, value in ids.items()]
    return "\n".join([*lines, "", "#endif", "", *_COM.splitlines(), ""])
