"""The XML reader and writer under both documents: what is refused, what is kept, and how bytes become text."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsspy import _core
from vsspy.errors import InvalidXmlDocumentError

WRITERS = Path(__file__).parents[1] / "data" / "writers"

WRITER_NAMESPACE = "x-schema:#VssWriterMetadataInfo"
COMPONENTS_NAMESPACE = "x-schema:#VssComponentMetadata"
WRITER_ID = "11111111-2222-3333-4444-555555555555"
INSTANCE_ID = "66666666-7777-8888-9999-aaaaaaaaaaaa"

IDENTIFICATION = (
    f'<IDENTIFICATION writerId="{WRITER_ID}" instanceId="{INSTANCE_ID}" friendlyName="Demo Writer" usage="USER_DATA" '
    'dataSource="OTHER" majorVersion="1" minorVersion="0"/>'
)
FLAGS = 'restoreMetadata="no" notifyOnBackupComplete="no" selectable="no" selectableForRestore="no" componentFlags="0"'


def writer_document(inside: str = "", *, identification: str = IDENTIFICATION, root: str = "") -> str:
    return f'<WRITER_METADATA xmlns="{WRITER_NAMESPACE}" version="1.2"{root}>{identification}{inside}</WRITER_METADATA>'


def group(inside: str = "", attributes: str = f'componentName="data" {FLAGS}') -> str:
    return f"<BACKUP_LOCATIONS><FILE_GROUP {attributes}>{inside}</FILE_GROUP></BACKUP_LOCATIONS>"


def components_document(inside: str = "", *, root: str = "") -> str:
    return (
        f'<BACKUP_COMPONENTS xmlns="{COMPONENTS_NAMESPACE}" version="1.2" bootableSystemStateBackup="no" '
        f'selectComponents="yes" backupType="full" partialFileSupport="no"{root}>{inside}</BACKUP_COMPONENTS>'
    )


def writer_components(inside: str, attributes: str = "") -> str:
    return (
        f'<WRITER_COMPONENTS{attributes} instanceId="{INSTANCE_ID}" writerId="{WRITER_ID}" backupSchema="259">'
        f"{inside}</WRITER_COMPONENTS>"
    )


def refusal(text: str | bytes, read: Callable[[str | bytes], object] = _core.read_writer_metadata) -> str:
    with pytest.raises(InvalidXmlDocumentError) as caught:
        read(text)
    assert caught.value.hresult & 0xFFFFFFFF == 0x80042311
    assert caught.value.operation == read.__name__ or caught.value.operation == "read_backup_components"
    return str(caught.value.detail)


MALFORMED = {
    "nothing": ("", "no root element"),
    "blanks": (" \r\n", "no root element"),
    "text": ("hello", "outside of the root"),
    "text before": ("x" + writer_document(), "outside of the root"),
    "text after": (writer_document() + "x", "after the root"),
    "second root": (writer_document() + "<a/>", "after the root"),
    "not closed": (writer_document()[: -len("</WRITER_METADATA>")], "is not closed"),
    "tag has no end": ("<WRITER_METADATA", "has no end"),
    "lone <": ("<", "expected an element's name"),
    "wrong end": ("<a><b></a></b>", "is closed where 'b' is open"),
    "end alone": ("</a>", "expected an element's name"),
    "no value": ("<a b/>", "expected '='"),
    "no quotes": ("<a b=c/>", "quoted value"),
    "no end quote": ('<a b="c/>', "the value has no end"),
    "< in a value": ('<a b="<"/>', "'<' in a value"),
    "no blank": ('<a b="c"d="e"/>', "expected a blank"),
    "digit starts a name": ("<1a/>", "expected an element's name"),
    "two colons": ("<a:b:c xmlns:a='u'/>", "expected a blank"),
    "same attribute": ('<a b="1" b="2"/>', "'b' stands twice"),
    "same of very many": ("<a" + "".join(f" b{i}=''" for i in range(40)) + " b7=''/>", "'b7' stands twice"),
    "same by namespace": ('<a xmlns:p="u" xmlns:q="u" p:b="" q:b=""/>', "'b' stands twice"),
    "same xmlns": ('<a xmlns="u" xmlns="v"/>', "'xmlns' stands twice"),
    "same prefix": ('<a xmlns:p="u" xmlns:p="v"/>', "'xmlns:p' stands twice"),
    "unknown prefix": ("<p:a/>", "prefix 'p' is not declared"),
    "prefix out of scope": ('<a><b xmlns:p="u"/><p:c/></a>', "prefix 'p' is not declared"),
    "empty prefix": ('<a xmlns:p=""/>', "not allowed"),
    "xmlns as prefix": ('<a xmlns:xmlns="u"/>', "not allowed"),
    "xml bound elsewhere": ('<a xmlns:xml="u"/>', "not allowed"),
    "control character": ('<a b="\x01"/>', "does not allow"),
    "NUL": ("<a>\0</a>", "does not allow"),
    "U+FFFF": ("<a>\uffff</a>", "does not allow"),
    "lone surrogate": ('<a b="\ud800"/>', "does not allow"),
    "]]> in a text": ("<a>]]></a>", "']]>' in a text"),
    "-- in a comment": ("<!-- a -- b --><a/>", "'--' inside a comment"),
    "comment has no end": ("<a><!-- </a>", "a comment has no end"),
    "CDATA has no end": ("<a><![CDATA[ </a>", "CDATA section has no end"),
    "instruction has no end": ("<a><? </a>", "expected a name"),
    "late declaration": (' <?xml version="1.0"?><a/>', "very start"),
    "declaration without version": ('<?xml encoding="utf-8"?><a/>', "declaration is wrong"),
    "declaration of XML 2": ('<?xml version="2.0"?><a/>', "declaration is wrong"),
    "DTD": ("<!DOCTYPE WRITER_METADATA>" + writer_document(), "document type declaration is not allowed"),
    "DTD with an external subset": ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "not allowed"),
    "entity bomb": (
        '<!DOCTYPE a [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]><a>&c;</a>',
        "document type declaration is not allowed",
    ),
    "unknown entity": ('<a b="&nbsp;"/>', "five standard entities"),
    "lone &": ("<a>fish & chips</a>", "five standard entities"),
    "reference to nothing": ("<a>&#;</a>", "character reference is wrong"),
    "reference to NUL": ("<a>&#0;</a>", "character reference is wrong"),
    "reference to a surrogate": ("<a>&#xD800;</a>", "character reference is wrong"),
    "reference far outside": ("<a>&#99999999999999999999;</a>", "character reference is wrong"),
}


@pytest.mark.parametrize(("text", "reason"), MALFORMED.values(), ids=MALFORMED.keys())
def test_text_that_is_not_well_formed_is_refused(text: str, reason: str) -> None:
    assert reason in refusal(text)
    if text != "":
        assert reason in refusal(text, _core.rewrite_backup_components)


def test_a_refusal_says_where() -> None:
    assert refusal("<a>\r\n\r\n<b>\n  <c></d>").startswith("line 4, column 6: ")
    assert refusal(writer_document("<BACKUP_LOCATIONS>\r<FILE_GROUP/></BACKUP_LOCATIONS>")).startswith(
        "line 2, column 1: "
    )


def test_depth_is_bounded() -> None:
    def nested(levels: int) -> str:
        return writer_document("<x>" * levels + "</x>" * levels)

    assert _core.read_writer_metadata(nested(63)).component_count == 0  # the root is the 64th
    assert "too deep" in refusal(nested(64))
    assert "too deep" in refusal("<x>" * 1_000_000)


def test_work_stays_in_proportion() -> None:
    # Each of these takes minutes in a reader that compares every one with every other.
    attributes = " ".join(f'a{i}=""' for i in range(100_000))
    declarations = " ".join(f'xmlns:p{i}="u{i}"' for i in range(50_000))
    prefixed = " ".join(f'p{i}:a=""' for i in range(50_000))
    document = writer_document(
        f"<x {attributes}/><y {declarations} {prefixed}><p0:z/></y><t>{'&lt;<!---->' * 100_000}</t>"
    )
    assert _core.read_writer_metadata(document).component_count == 0


def test_memory_stays_in_proportion() -> None:
    # In canonical form each element and each attribute names its namespace itself: 100 KB would become 250 MB.
    declared = f'<x xmlns:p="{"u" * 50_000}">'
    elements = writer_document(declared + "<p:y/><z/>" * 5_000 + "</x>")
    attributes = components_document(declared + "<y " + " ".join(f'p:a{i}=""' for i in range(5_000)) + "/></x>")
    assert "the names of namespaces are too long" in refusal(elements)
    assert "the names of namespaces are too long" in refusal(attributes, _core.rewrite_backup_components)
    once = f'<p:y xmlns:p="{"u" * 50_000}"/>'
    assert _core.read_writer_metadata(writer_document(once)).component_count == 0


NOT_A_WRITER = {
    "wrong root": (f'<WRITER xmlns="{WRITER_NAMESPACE}" version="1.2"/>', "the root element is 'WRITER'"),
    "no namespace": ('<WRITER_METADATA version="1.2"/>', "namespace is ''"),
    "wrong namespace": ('<WRITER_METADATA xmlns="urn:x" version="1.2"/>', "namespace is 'urn:x'"),
    "the other document": (components_document(), "the root element is 'BACKUP_COMPONENTS'"),
    "no version": (f'<WRITER_METADATA xmlns="{WRITER_NAMESPACE}"/>', "'version' of 'WRITER_METADATA' is missing"),
    "version 2": (f'<WRITER_METADATA xmlns="{WRITER_NAMESPACE}" version="2.0"/>', "version='2.0'"),
    "no identification": (writer_document(identification=""), "'IDENTIFICATION' is missing"),
    "identified twice": (writer_document(IDENTIFICATION), "stands twice"),
    "located twice": (writer_document("<BACKUP_LOCATIONS/><BACKUP_LOCATIONS/>"), "stands twice"),
    "no writer id": (writer_document(identification=IDENTIFICATION.replace("writerId", "x")), "'writerId'"),
    "bad GUID": (writer_document(identification=IDENTIFICATION.replace(WRITER_ID, WRITER_ID[:-1])), "is not a GUID"),
    "GUID with a brace": (
        writer_document(identification=IDENTIFICATION.replace(WRITER_ID, "{" + WRITER_ID)),
        "is not a GUID",
    ),
    "unknown usage": (
        writer_document(identification=IDENTIFICATION.replace("USER_DATA", "user_data")),
        "is not a word",
    ),
    "bad number": (writer_document(identification=IDENTIFICATION.replace('"0"', '"zero"')), "not a number of 32 bits"),
    "blank number": (writer_document(identification=IDENTIFICATION.replace('"0"', '" 0"')), "not a number of 32 bits"),
    "negative number": (
        writer_document(identification=IDENTIFICATION.replace('"0"', '"-1"')),
        "not a number of 32 bits",
    ),
    "number of 33 bits": (writer_document(root=' backupSchema="4294967296"'), "not a number of 32 bits"),
    "neither yes nor no": (
        writer_document(group(attributes=f'componentName="a" {FLAGS}'.replace('"no"', '"true"'))),
        "yes nor no",
    ),
    "no component name": (writer_document(group(attributes=FLAGS)), "'componentName' of 'FILE_GROUP' is missing"),
    "file set without path": (writer_document(group('<FILE_LIST filespec="*"/>')), "'path' of 'FILE_LIST' is missing"),
    "database files in a file group": (
        writer_document(group('<DATABASE_FILES path="a" filespec="*"/>')),
        "'DATABASE_FILES' has no place in 'FILE_GROUP'",
    ),
    "dependency on a bad id": (writer_document(group('<DEPENDENCY writerId="1" componentName="a"/>')), "is not a GUID"),
    "bad icon": (writer_document(group(attributes=f'componentName="a" icon="AAA" {FLAGS}')), "is not base64"),
    "unknown restore method": (
        writer_document('<RESTORE_METHOD method="MAGIC" writerRestore="never" rebootRequired="no"/>'),
        "is not a word",
    ),
    "unknown writer restore": (
        writer_document('<RESTORE_METHOD method="CUSTOM" writerRestore="Never" rebootRequired="no"/>'),
        "is not a word",
    ),
    "mapping to nowhere": (
        writer_document(
            '<RESTORE_METHOD method="CUSTOM" writerRestore="never" rebootRequired="no">'
            '<ALTERNATE_LOCATION_MAPPING path="a" filespec="*" recursive="no"/></RESTORE_METHOD>'
        ),
        "no alternatePath",
    ),
    "text among elements": (writer_document("stray"), "which has only elements"),
}


@pytest.mark.parametrize(("text", "reason"), NOT_A_WRITER.values(), ids=NOT_A_WRITER.keys())
def test_other_documents_are_refused(text: str, reason: str) -> None:
    assert reason in refusal(text)


NOT_COMPONENTS = {
    "the other document": (writer_document(), "the root element is 'WRITER_METADATA'"),
    "no backup type": (
        components_document().replace("backupType", "x"),
        "'backupType' of 'BACKUP_COMPONENTS' is missing",
    ),
    "unknown backup type": (components_document().replace('"full"', '"FULL"'), "is not a word"),
    "bad set id": (components_document(root=' snapshotSetId="none"'), "is not a GUID"),
    "writer without schema": (
        components_document(f'<WRITER_COMPONENTS instanceId="{INSTANCE_ID}" writerId="{WRITER_ID}"/>'),
        "'backupSchema'",
    ),
    "component without type": (
        components_document(writer_components('<COMPONENT componentName="a"/>')),
        "'componentType'",
    ),
    "metadata twice": (
        components_document(
            writer_components(
                '<COMPONENT componentName="a" componentType="filegroup">'
                '<BACKUP_METADATA metadata=""/><BACKUP_METADATA metadata=""/></COMPONENT>'
            )
        ),
        "stands twice",
    ),
    "bad HRESULT": (
        components_document(writer_components('<COMPONENT componentName="a" componentType="filegroup" failure="-1"/>')),
        "not a hexadecimal HRESULT",
    ),
    "unknown restore type": (components_document(root=' restoreType="BY_COPY"'), "restoreType='BY_COPY'"),
    **{
        attribute: (
            components_document(writer_components(f'<COMPONENT componentName="a" componentType="filegroup" {text}/>')),
            f"{attribute}=",
        )
        for attribute, text in {
            "selectedForRestore": 'selectedForRestore="true"',
            "additionalRestores": 'additionalRestores=""',
            "restoreTarget": 'restoreTarget="VSS_RT_ORIGINAL"',
            "fileRestoreStatus": 'fileRestoreStatus="undefined"',
            "authoritativeRestore": 'authoritativeRestore="1"',
            "rollForwardType": 'rollForwardType="NONE"',
            "restoreInstanceId": 'restoreInstanceId="1"',
        }.items()
    },
    **{
        text: (
            components_document(
                writer_components(f'<COMPONENT componentName="a" componentType="filegroup">{text}</COMPONENT>')
            ),
            missing,
        )
        for text, missing in {
            '<RESTORE_METADATA metadata="a"/><RESTORE_METADATA metadata="b"/>': "RESTORE_METADATA stands twice",
            "<RESTORE_METADATA/>": "'metadata'",
            '<PARTIAL_FILE filespec="f"/>': "'path'",
            '<DIFFERENCED_FILE path="p"/>': "'filespec'",
            '<DIFFERENCED_FILE path="p" filespec="f" lastModifyTime="now"/>': "not a number of 64 bits",
            '<ALTERNATE_LOCATION_MAPPING path="p" filespec="f"/>': "'alternatePath'",
            '<NEW_TARGET path="p" filespec="f"/>': "'alternatePath'",
            '<DIRECTED_TARGET sourcePath="p" sourceFilespec="f" targetPath="q"/>': "'targetFilespec'",
            '<RESTORE_SUBCOMPONENT logicalPath="p"/>': "'componentName'",
            '<RESTORE_SUBCOMPONENT componentName="c" repair="maybe"/>': "neither yes nor no",
        }.items()
    },
}


@pytest.mark.parametrize(("text", "reason"), NOT_COMPONENTS.values(), ids=NOT_COMPONENTS.keys())
def test_other_texts_are_no_backup_components(text: str, reason: str) -> None:
    assert reason in refusal(text, _core.rewrite_backup_components)


TEXT = writer_document(identification=IDENTIFICATION.replace("Demo", "Prüf\N{GRINNING FACE}"))
ENCODED = {
    "utf-8": TEXT.encode(),
    "utf-8 with mark": TEXT.encode("utf-8-sig"),
    "utf-16le with mark": ("\ufeff" + TEXT).encode("utf-16-le"),
    "utf-16be with mark": ("\ufeff" + TEXT).encode("utf-16-be"),
    "utf-16le": TEXT.encode("utf-16-le"),
    "utf-16be": TEXT.encode("utf-16-be"),
    "declared utf-8": f"<?xml version='1.0' encoding='UTF-8' standalone='yes' ?>\r\n{TEXT}".encode(),
    "declared utf-16": f'<?xml version="1.0" encoding="utf-16"?>{TEXT}'.encode("utf-16"),
    "declared utf-16, saved as utf-8": f'<?xml version="1.0" encoding="utf-16"?>{TEXT}'.encode(),
}


@pytest.mark.parametrize("data", ENCODED.values(), ids=ENCODED.keys())
def test_encodings(data: bytes) -> None:
    assert _core.read_writer_metadata(data).identity()[3] == "Prüf\N{GRINNING FACE} Writer"


def test_text_may_have_a_mark_and_any_declaration() -> None:
    # A str has no encoding any more: what its declaration says was true of the file that it came from.
    text = f'\ufeff<?xml version="1.1" encoding="windows-1252"?><!-- c --><?pi x?> {TEXT}<?pi?>\n<!---->'
    assert _core.read_writer_metadata(text).identity()[3] == "Prüf\N{GRINNING FACE} Writer"
    assert _core.read_writer_metadata(text).xml() == text


BAD_BYTES = {
    "latin-1": TEXT.replace("\N{GRINNING FACE}", "").encode("latin-1"),
    "overlong": b"<a b='\xc0\xaf'/>",
    "surrogate in utf-8": b"<a b='\xed\xa0\x80'/>",
    "cut off": b"<a b='\xe2\x82",
    "beyond the last": b"<a b='\xf4\x90\x80\x80'/>",
    "half a unit": TEXT.encode("utf-16-le")[:-1],
    "lone surrogate in utf-16": "<a b='".encode("utf-16-le") + b"\x00\xd8" + "'/>".encode("utf-16-le"),
    "another declared": b'<?xml version="1.0" encoding="iso-8859-1"?><a/>',
    "utf-32": TEXT.encode("utf-32-le"),
    "nothing": b"",
}


@pytest.mark.parametrize("data", BAD_BYTES.values(), ids=BAD_BYTES.keys())
def test_bytes_that_are_no_text_are_refused(data: bytes) -> None:
    refusal(data)
    refusal(data, _core.rewrite_backup_components)


@pytest.mark.parametrize("name", ["harbor_database.xml", "quay_system.xml"])
def test_the_canonical_form_is_what_windows_writes(name: str) -> None:
    data = (WRITERS / name).read_bytes()
    document = _core.read_writer_metadata(data)
    assert document.xml() == data.decode()
    assert document.canonical_xml() == data.decode()


def test_line_breaks_in_values_are_kept_raw_and_read_in_both_forms() -> None:
    for written in ("a\r\nb\tc\n", "a&#13;&#10;b&#9;c&#xA;"):
        document = _core.read_writer_metadata(
            writer_document(group(attributes=f'componentName="n" caption="{written}" {FLAGS}'))
        )
        assert document.component(0).fields()[3] == "a\r\nb\tc\n"
        assert 'caption="a\r\nb\tc\n"' in document.canonical_xml()


def test_what_the_canonical_writer_metadata_leaves_out() -> None:
    # All of it stays in the document's own text. The spec cannot keep it in values (vss_xml.md sections 1, 2 and 4): white
    # space between elements, a GUID's letter case and braces, recursive="no" where missing means the same, the order of
    # exclusions among components, 1.x versions, comments, and elements and attributes that are not known.
    text = (
        f"<WRITER_METADATA xmlns='{WRITER_NAMESPACE}' xmlns:x='urn:x' version='1.1' x:a='1' backupSchema='0'> "
        + IDENTIFICATION.replace(INSTANCE_ID, "{" + INSTANCE_ID.upper() + "}")
        + "<BACKUP_LOCATIONS><EXCLUDE_FILES path='e' filespec='*' recursive='no'/><!-- c --><x:y/>"
        + f"<FILE_GROUP componentName='data' {FLAGS} later='1'>"
        + "<FILE_LIST path='p' filespec='*' recursive='no'><later/></FILE_LIST></FILE_GROUP></BACKUP_LOCATIONS></WRITER_METADATA>"
    )
    document = _core.read_writer_metadata(text)
    assert document.xml() == text
    assert document.canonical_xml() == writer_document(
        f'<BACKUP_LOCATIONS><FILE_GROUP componentName="data" {FLAGS}>'
        '<FILE_LIST path="p" filespec="*" filespecBackupType="3855"/></FILE_GROUP>'
        '<EXCLUDE_FILES path="e" filespec="*" recursive="no"/></BACKUP_LOCATIONS>'
    )


@pytest.mark.parametrize(
    "inside",
    [
        '<BACKUP_LOCATIONS><EXCLUDE_FILES path="e" filespec="*" recursive="no" filespecBackupType="257"/></BACKUP_LOCATIONS>',
        (
            '<RESTORE_METHOD method="CUSTOM" writerRestore="never" rebootRequired="no"><ALTERNATE_LOCATION_MAPPING path="p" '
            'filespec="*" recursive="yes" alternatePath="q" filespecBackupType="1"/></RESTORE_METHOD>'
        ),
    ],
)
def test_a_mask_is_written_wherever_it_was_given(inside: str) -> None:
    assert _core.read_writer_metadata(writer_document(inside)).canonical_xml() == writer_document(inside)


FULL_COMPONENT = (
    '<COMPONENT logicalPath="a\\b" componentName="n" componentType="database" backupStamp="s" backupSucceeded="yes" '
    'backupOptions="o" previousBackupStamp="p" selectedForRestore="yes" restoreOptions="r" additionalRestores="no" '
    'restoreTarget="directed" fileRestoreStatus="failed" prepareForBackupFailureMsg="m1" postSnapshotFailureMsg="m2" '
    'preRestoreFailureMsg="m3" postRestoreFailureMsg="m4" authoritativeRestore="yes" rollForwardType="partial" '
    'rollForwardPoint="q" restoreName="n2" failure="0x800423f4" applicationFailure="0x00000005" '
    f'applicationMessage="&lt;&amp;&gt; &quot;\'" restoreInstanceId="{INSTANCE_ID}">'
    '<BACKUP_METADATA xmlns="" metadata="AQID"/><RESTORE_METADATA xmlns="" metadata=""/>'
    '<PARTIAL_FILE xmlns="" path="C:\\d" filespec="f" ranges="0:1" metadata="m"/>'
    '<DIFFERENCED_FILE xmlns="" path="C:\\d" filespec="*" recursive="yes" lastModifyTime="18446744073709551615" lsn="l"/>'
    '<ALTERNATE_LOCATION_MAPPING xmlns="" path="C:\\d" filespec="*" recursive="no" alternatePath="D:\\"/>'
    '<NEW_TARGET xmlns="" path="C:\\d" filespec="f" recursive="yes" alternatePath="E:\\"/>'
    '<DIRECTED_TARGET xmlns="" sourcePath="C:\\d" sourceFilespec="f" sourceRanges="0:1" targetPath="D:\\" '
    'targetFilespec="g" targetRanges="2:1"/>'
    '<RESTORE_SUBCOMPONENT xmlns="" logicalPath="a\\b\\n" componentName="c" repair="no"/>'
    "</COMPONENT>"
)
COMPONENT_DOCUMENTS = {
    "empty": components_document().replace("></BACKUP_COMPONENTS>", "/>"),
    "with a set": components_document(
        writer_components("<x/>"), root=f' snapshotSetId="{INSTANCE_ID}" restoreType="import"'
    ),
    "component": components_document(writer_components(FULL_COMPONENT)),
    "redundant namespace": components_document(writer_components(FULL_COMPONENT, f' xmlns="{COMPONENTS_NAMESPACE}"')),
    "unknown attributes": components_document(
        writer_components('<COMPONENT componentName="n" componentType="filegroup" restorePlace="x" a="&lt;"/>'),
        root=' b=""',
    ),
    "unknown elements": components_document(
        writer_components(
            '<COMPONENT componentName="n" componentType="filegroup"><BACKUP_METADATA xmlns="" metadata="" a="b"><c/>'
            '</BACKUP_METADATA><RESTORE_METADATA xmlns="" metadata="r"/></COMPONENT><y z="">text<w/> more</y>'
        )
        + '<SNAPSHOT_SET_DESCRIPTION snapshotSetId="s"><LUN a="1"/><LUN xmlns="urn:l"><M xmlns=""/></LUN>'
        "</SNAPSHOT_SET_DESCRIPTION>"
    ),
}


@pytest.mark.parametrize("text", COMPONENT_DOCUMENTS.values(), ids=COMPONENT_DOCUMENTS.keys())
def test_backup_components_are_written_as_they_were(text: str) -> None:
    assert _core.rewrite_backup_components(text) == text


def test_backup_components_in_other_clothes() -> None:
    # Comments, white space, the prefix of a namespace and the order of known and unknown children are not kept.
    text = (
        '<?xml version="1.0"?>\n<v:BACKUP_COMPONENTS xmlns:v="x-schema:#VssComponentMetadata" xmlns:o="urn:o" partialFileSupport="no" '
        'backupType="copy" selectComponents="no" bootableSystemStateBackup="yes" version="1.0" o:a="1" xml:lang="de">\n'
        f"<o:first><![CDATA[<]]>&#32;<!-- c --></o:first>\n<v:WRITER_COMPONENTS backupSchema='0' writerId='{{{WRITER_ID}}}' "
        f"instanceId='{INSTANCE_ID.upper()}'>\n<v:COMPONENT componentType='filegroup' componentName='&#x1F600;'/>\n"
        "</v:WRITER_COMPONENTS></v:BACKUP_COMPONENTS>\n"
    )
    written = _core.rewrite_backup_components(text)
    assert written == (
        f'<BACKUP_COMPONENTS xmlns="{COMPONENTS_NAMESPACE}" version="1.2" bootableSystemStateBackup="yes" selectComponents="no" '
        'backupType="copy" partialFileSupport="no" xmlns:ns1="urn:o" ns1:a="1" xml:lang="de">'
        f'<WRITER_COMPONENTS instanceId="{INSTANCE_ID}" writerId="{WRITER_ID}" backupSchema="0">'
        '<COMPONENT componentName="\N{GRINNING FACE}" componentType="filegroup"/></WRITER_COMPONENTS>'
        '<first xmlns="urn:o">&lt; </first></BACKUP_COMPONENTS>'
    )
    assert _core.rewrite_backup_components(written) == written


def test_children_of_a_component_are_read_in_either_namespace() -> None:
    """Windows makes them without one (vss_xml.md 3.5); what a default leaves out is written in full."""
    component = '<COMPONENT componentName="n" componentType="filegroup">{}</COMPONENT>'
    read = component.format(
        '<PARTIAL_FILE path="p" filespec="f"/><DIFFERENCED_FILE path="p" filespec="f"/>'
        '<NEW_TARGET path="p" filespec="f" alternatePath="q"/><RESTORE_SUBCOMPONENT componentName="c"/>'
        '<DIRECTED_TARGET sourcePath="p" sourceFilespec="f" targetPath="q" targetFilespec="g"/>'
        '<BACKUP_METADATA metadata="m" x="kept"><y/></BACKUP_METADATA>'
    )
    written = component.format(
        '<BACKUP_METADATA xmlns="" metadata="m" x="kept"><y xmlns="x-schema:#VssComponentMetadata"/></BACKUP_METADATA>'
        '<PARTIAL_FILE xmlns="" path="p" filespec="f" ranges="" metadata=""/>'
        '<DIFFERENCED_FILE xmlns="" path="p" filespec="f" recursive="no" lastModifyTime="0" lsn=""/>'
        '<NEW_TARGET xmlns="" path="p" filespec="f" recursive="no" alternatePath="q"/>'
        '<DIRECTED_TARGET xmlns="" sourcePath="p" sourceFilespec="f" sourceRanges="" targetPath="q" targetFilespec="g" '
        'targetRanges=""/>'
        '<RESTORE_SUBCOMPONENT xmlns="" logicalPath="" componentName="c" repair="no"/>'
    )
    assert _core.rewrite_backup_components(components_document(writer_components(read))) == components_document(
        writer_components(written)
    )
    assert _core.rewrite_backup_components(
        components_document(writer_components(read.replace("<PARTIAL_FILE", '<PARTIAL_FILE xmlns=""')))
    ) == components_document(writer_components(written))


WORDS = {
    "restoreTarget": ["original", "alternate", "directed", "original_location"],
    "fileRestoreStatus": ["none", "all", "failed"],
    "rollForwardType": ["none", "all", "partial"],
}


@pytest.mark.parametrize(("attribute", "word"), [(name, word) for name, words in WORDS.items() for word in words])
def test_every_word_of_a_restore_is_kept(attribute: str, word: str) -> None:
    text = components_document(
        writer_components(f'<COMPONENT componentName="n" componentType="filegroup" {attribute}="{word}"/>')
    )
    assert _core.rewrite_backup_components(text) == text


@pytest.mark.parametrize("kind", ["by_copy", "import", "other"])
def test_every_restore_type_has_its_word(kind: str) -> None:
    text = COMPONENT_DOCUMENTS["with a set"].replace('"import"', f'"{kind}"')
    assert _core.rewrite_backup_components(text) == text


def test_an_undefined_restore_type_is_left_out() -> None:
    text = COMPONENT_DOCUMENTS["with a set"].replace('"import"', '"undefined"')
    assert _core.rewrite_backup_components(text) == text.replace(' restoreType="undefined"', "")


@pytest.mark.parametrize("kind", ["undefined", "full", "incremental", "differential", "log", "copy", "other"])
def test_every_backup_type_has_its_word(kind: str) -> None:
    text = COMPONENT_DOCUMENTS["empty"].replace('"full"', f'"{kind}"')
    assert _core.rewrite_backup_components(text) == text


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    for document in (text, f"<a>{text}</a>", writer_document(text), components_document(text)):
        for read in (_core.read_writer_metadata, _core.rewrite_backup_components):
            try:
                read(document)
            except InvalidXmlDocumentError:
                continue


# A component's attributes in the order of vss_xml.md 3.4, with values for each.
YES_NO = st.sampled_from(["yes", "no"])
ANY_TEXT = st.text(st.sampled_from("<>&\"' \r\n\txü\N{GRINNING FACE}\\"), max_size=6)
HRESULTS = st.integers(0, 2**32 - 1).map(lambda value: f"0x{value:08x}")
COMPONENT_ATTRIBUTES: dict[str, st.SearchStrategy[str]] = {
    "logicalPath": ANY_TEXT,
    "componentName": ANY_TEXT,
    "componentType": st.sampled_from(["database", "filegroup"]),
    "backupStamp": ANY_TEXT,
    "backupSucceeded": YES_NO,
    "backupOptions": ANY_TEXT,
    "previousBackupStamp": ANY_TEXT,
    "selectedForRestore": YES_NO,
    "restoreOptions": ANY_TEXT,
    "additionalRestores": YES_NO,
    "restoreTarget": st.sampled_from(WORDS["restoreTarget"]),
    "fileRestoreStatus": st.sampled_from(WORDS["fileRestoreStatus"]),
    "prepareForBackupFailureMsg": ANY_TEXT,
    "postSnapshotFailureMsg": ANY_TEXT,
    "preRestoreFailureMsg": ANY_TEXT,
    "postRestoreFailureMsg": ANY_TEXT,
    "authoritativeRestore": YES_NO,
    "rollForwardType": st.sampled_from(WORDS["rollForwardType"]),
    "rollForwardPoint": ANY_TEXT,
    "restoreName": ANY_TEXT,
    "failure": HRESULTS,
    "applicationFailure": HRESULTS,
    "applicationMessage": ANY_TEXT,
    "restoreInstanceId": st.uuids().map(str),
}
CHILDREN: dict[str, dict[str, st.SearchStrategy[str]]] = {
    "BACKUP_METADATA": {"metadata": ANY_TEXT},
    "RESTORE_METADATA": {"metadata": ANY_TEXT},
    "PARTIAL_FILE": dict.fromkeys(("path", "filespec", "ranges", "metadata"), ANY_TEXT),
    "DIFFERENCED_FILE": {
        "path": ANY_TEXT,
        "filespec": ANY_TEXT,
        "recursive": YES_NO,
        "lastModifyTime": st.integers(0, 2**64 - 1).map(str),
        "lsn": ANY_TEXT,
    },
    **{
        name: {"path": ANY_TEXT, "filespec": ANY_TEXT, "recursive": YES_NO, "alternatePath": ANY_TEXT}
        for name in ("ALTERNATE_LOCATION_MAPPING", "NEW_TARGET")
    },
    "DIRECTED_TARGET": dict.fromkeys(
        ("sourcePath", "sourceFilespec", "sourceRanges", "targetPath", "targetFilespec", "targetRanges"), ANY_TEXT
    ),
    "RESTORE_SUBCOMPONENT": {"logicalPath": ANY_TEXT, "componentName": ANY_TEXT, "repair": YES_NO},
}


@st.composite
def components(draw: st.DrawFn) -> str:
    left_out = draw(st.sets(st.sampled_from(sorted(COMPONENT_ATTRIBUTES.keys() - {"componentName", "componentType"}))))
    written = "".join(
        f' {name}="{escaped(draw(values))}"' for name, values in COMPONENT_ATTRIBUTES.items() if name not in left_out
    )
    inside = ""
    for name, attributes in CHILDREN.items():
        for _ in range(draw(st.integers(0, 1 if name.endswith("METADATA") else 2))):
            values = "".join(f' {attribute}="{escaped(draw(text))}"' for attribute, text in attributes.items())
            inside += f'<{name} xmlns=""{values}/>'
    return f"<COMPONENT{written}>{inside}</COMPONENT>" if inside else f"<COMPONENT{written}/>"


@given(st.lists(components(), max_size=3).map("".join))
def test_canonical_components_are_written_as_they_were(inside: str) -> None:
    text = components_document(writer_components(inside) if inside else "<x/>")
    assert _core.rewrite_backup_components(text) == text


NAMES = st.sampled_from(["a", "b", "COMPONENT", "x-1", "ü"])
VALUES = st.text(
    st.sampled_from("<>&\"' xü\N{GRINNING FACE}]"), max_size=6
)  # no line breaks: xml.etree normalises them


def escaped(value: str) -> str:
    for character, reference in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        value = value.replace(character, reference)
    return value


@st.composite
def elements(draw: st.DrawFn, depth: int = 3) -> str:
    name = draw(NAMES)
    space = draw(st.sampled_from(["", ' xmlns=""', ' xmlns="urn:u"', f' xmlns="{COMPONENTS_NAMESPACE}"']))
    attributes = draw(st.dictionaries(NAMES, VALUES, max_size=3))
    written = "".join(f' {key}="{escaped(value)}"' for key, value in attributes.items())
    inside = st.just("") if depth == 0 else st.lists(elements(depth - 1) | VALUES.map(escaped), max_size=3).map("".join)
    return f"<{name}{space}{written}>{draw(inside)}</{name}>"


Shape = tuple[str, dict[str, str], list["Shape | str"]]


def shape(element: ElementTree.Element) -> Shape:
    content: list[Shape | str] = [element.text or ""]
    for child in element:
        content += [shape(child), child.tail or ""]
    return element.tag, element.attrib, [part for part in content if not isinstance(part, str) or part.strip(" ")]


@given(st.lists(elements(), max_size=4).map("".join))
def test_unknown_elements_keep_their_content(inside: str) -> None:
    document = components_document(writer_components(f"<KEPT>{inside}</KEPT>") + f"<KEPT>{inside}</KEPT>")
    written = _core.rewrite_backup_components(document)
    assert shape(ElementTree.fromstring(written)) == shape(ElementTree.fromstring(document))
    assert _core.rewrite_backup_components(written) == written


@pytest.mark.captured
@pytest.mark.skipif("VSSPY_CAPTURED_DOCUMENTS" not in os.environ, reason="VSSPY_CAPTURED_DOCUMENTS is not set")
def test_captured_backup_components_are_written_as_they_were() -> None:
    found = sorted(Path(os.environ["VSSPY_CAPTURED_DOCUMENTS"]).rglob("BCDocument.xml"))
    assert found
    for path in found:
        assert _core.rewrite_backup_components(path.read_bytes()) == path.read_bytes().decode()
