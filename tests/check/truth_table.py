"""Real servers in the configurations that practices run them in, and what is true of each: the table of truth.

Truth is written from each server's own configuration, never from what a detector says of it, and clients that are not
ours try it (test_truth_of_the_table.py). The test and the benchmark of the detectors both read this table.
"""

import ssl
from typing import Final

from check.truth import Limit, Row, gives
from lightproof.check.consent import Consent
from peers.starts import (
    PASSWORDS,
    dcmqrscp,
    hanging_up,
    moto,
    nginx,
    nginx_before,
    orthanc,
    pynetdicom,
    python_http_server,
    samba,
    storescp,
    vsftpd,
    wsgidav,
)

TLS: Final = frozenset({"tls"})
MUTUAL_TLS: Final = frozenset({"tls", "mutual-tls"})
AUTHENTICATION: Final = frozenset({"authentication"})
CALLED_AE: Final = frozenset({"called-ae-checked"})
CALLING_AE: Final = frozenset({"calling-ae-checked"})

EVERYTHING: Final = gives("open", "listable", "downloadable", "writable")
NOTHING: Final = gives()
NAME: Final = "practice.example"
DICOM_TLS_PORT: Final = 2762
SMB_PORT: Final = 445

_BEHIND_AE: Final = Limit(why="it answers to an AE title that was not told; a title is no secret, so no safety either")
BEHIND_AE: Final = dict.fromkeys(("open", "listable", "downloadable", "writable"), _BEHIND_AE)
NO_STORAGE: Final = {"writable": Limit(why="the storage classes offered are not taken; there are a hundred others")}
NOT_ASKED: Final = {"downloadable": Limit(why="what ignores a filter would send images, not a proof")}
STORAGE_OFFERED: Final = {"writable": Limit(why="storage contexts are accepted; only storing would prove it")}
ONLY_STORING: Final = {"writable": Limit(why="only sending a file would prove it")}
UNNAMED: Final = {
    **ONLY_STORING,
    "listable": Limit(why="a listing would bring names of files: only the folder itself is asked about"),
    "downloadable": Limit(why="a file would have to be named by a listing first"),
}
WHOLE_FILES: Final = {"downloadable": Limit(why="it gives no parts of files, and a whole one would bring a patient")}
NO_IMAGE: Final = {**ONLY_STORING, "downloadable": Limit(why="no image lies there whose reading could be tried")}
KEYS: Final = {**ONLY_STORING, "downloadable": Limit(why="a key would have to be asked for, and may be a name")}

HUNG_UP: Final = ("identify: silent",)
HUNG_UP_AFTER_ITS_NAME: Final = ("dicom: closed-early", "dicom_tls: closed-early")
"""Another question had made it speak DICOM."""

NO_METHOD_SHOWN: Final = {
    "writable": Limit(why="nothing shows that more than reading reaches Orthanc; only storing would")
}

_ORTHANC: Final = (
    Row(
        name="Orthanc, Debian's default",
        service="dicom",
        start=orthanc("dicom"),
        truth=gives("open", "writable"),
        limits=STORAGE_OFFERED,
    ),
    Row(
        name="Orthanc, find for everyone",
        service="dicom",
        start=orthanc("dicom", {"DicomAlwaysAllowFind": True}),
        truth=gives("open", "listable", "writable"),
        limits=STORAGE_OFFERED,
    ),
    Row(
        name="Orthanc, get for everyone",
        service="dicom",
        start=orthanc("dicom", {"DicomAlwaysAllowGet": True}),
        truth=gives("open", "downloadable", "writable"),
        limits=STORAGE_OFFERED,
    ),
    Row(
        name="Orthanc, find and get for everyone",
        service="dicom",
        start=orthanc("dicom", {"DicomAlwaysAllowFind": True, "DicomAlwaysAllowGet": True}),
        truth=EVERYTHING,
        limits=STORAGE_OFFERED,
    ),
    # A C-MOVE only ever goes to a modality that the administrator listed: a stranger gets nothing by it.
    Row(
        name="Orthanc, move for everyone",
        service="dicom",
        start=orthanc("dicom", {"DicomAlwaysAllowMove": True}),
        truth=gives("open", "writable"),
        limits=STORAGE_OFFERED,
    ),
    Row(
        name="Orthanc, no echo for strangers",
        service="dicom",
        start=orthanc("dicom", {"DicomAlwaysAllowEcho": False}),
        truth=gives("open", "writable"),
        limits=STORAGE_OFFERED,
    ),
    Row(
        name="Orthanc, no storing for strangers",
        service="dicom",
        start=orthanc("dicom", {"DicomAlwaysAllowStore": False}),
        truth=gives("open"),
        limits=STORAGE_OFFERED,
    ),
    Row(
        name="Orthanc, called AE title checked",
        service="dicom",
        start=orthanc("dicom", {"DicomCheckCalledAet": True}),
        called="ORTHANC",
        truth=gives("open", "writable"),
        protections=CALLED_AE,
        limits=BEHIND_AE,
    ),
    Row(
        name="Orthanc, called AE title checked and told",
        service="dicom",
        start=orthanc("dicom", {"DicomCheckCalledAet": True}),
        called="ORTHANC",
        truth=gives("open", "writable"),
        protections=CALLED_AE,
        consent=Consent(called_aes=("ORTHANC",)),
        limits=STORAGE_OFFERED,
    ),
    Row(
        name="Orthanc, TLS",
        service="dicom-tls",
        start=orthanc("dicom", tls="any client"),
        truth=gives("open", "writable"),
        protections=TLS,
        limits=STORAGE_OFFERED,
    ),
    Row(
        name="Orthanc, TLS, find and get for everyone",
        service="dicom-tls",
        start=orthanc("dicom", {"DicomAlwaysAllowFind": True, "DicomAlwaysAllowGet": True}, tls="any client"),
        truth=EVERYTHING,
        protections=TLS,
        limits=STORAGE_OFFERED,
    ),
    Row(
        name="Orthanc, TLS with client certificates",
        service="dicom-tls",
        start=orthanc("dicom", {"DicomAlwaysAllowFind": True}, tls="known clients"),
        truth=NOTHING,
        protections=MUTUAL_TLS,
        on_port=DICOM_TLS_PORT,
    ),
    Row(name="Orthanc, REST open", service="orthanc", start=orthanc("http"), truth=EVERYTHING),
    Row(
        name="Orthanc, REST open to other machines",
        service="orthanc",
        start=orthanc("http", {"RemoteAccessAllowed": True, "AuthenticationEnabled": False}),
        truth=EVERYTHING,
    ),
    Row(
        name="Orthanc, REST without WebDAV",
        service="orthanc",
        start=orthanc("http", {"WebDavEnabled": False}),
        truth=EVERYTHING,
        limits=NO_METHOD_SHOWN,
    ),
    Row(
        name="Orthanc, REST behind nginx that lets reading alone through",
        service="orthanc",
        start=nginx_before(orthanc("http"), "location / { limit_except GET { deny all; } proxy_pass {behind}; }"),
        truth=gives("open", "listable", "downloadable"),
        limits=NO_METHOD_SHOWN,
    ),
    Row(
        name="Orthanc, REST with users",
        service="orthanc",
        start=orthanc("http", users=PASSWORDS),
        truth=NOTHING,
        protections=AUTHENTICATION,
    ),
    Row(
        name="Orthanc, REST behind nginx with HTTPS",
        service="orthanc",
        start=nginx_before(orthanc("http"), "location / { proxy_pass {behind}; }", https=True),
        truth=EVERYTHING,
        protections=TLS,
    ),
    Row(
        name="Orthanc, REST behind nginx, to whoever knows its name",
        service="orthanc",
        start=nginx_before(orthanc("http"), "location / { proxy_pass {behind}; }", only_as=NAME),
        asked_as=NAME,
        truth=EVERYTHING,
    ),
    Row(
        name="Orthanc, REST with users behind nginx with HTTPS",
        service="orthanc",
        start=nginx_before(orthanc("http", users=PASSWORDS), "location / { proxy_pass {behind}; }", https=True),
        truth=NOTHING,
        protections=TLS | AUTHENTICATION,
    ),
    Row(
        name="Orthanc's WebDAV folder",
        service="webdav",
        start=orthanc("http"),
        truth=EVERYTHING,
        limits=UNNAMED,
    ),
)

_DICOMWEB: Final = (
    Row(
        name="Orthanc DICOMweb open",
        service="dicomweb",
        start=orthanc("http", dicomweb=True),
        truth=EVERYTHING,
        limits=ONLY_STORING,
    ),
    Row(
        name="Orthanc DICOMweb with users",
        service="dicomweb",
        start=orthanc("http", dicomweb=True, users=PASSWORDS),
        truth=None,
        why="every path is refused alike, so that nothing shows which services there are; its REST is told as refused",
    ),
    Row(
        name="Orthanc without DICOMweb",
        service="dicomweb",
        start=orthanc("http"),
        truth=None,
        why="the plugin is not loaded",
    ),
    Row(
        name="DICOMweb behind nginx that demands a password",
        service="dicomweb",
        start=nginx_before(
            orthanc("http", dicomweb=True),
            "location /dicom-web/ { auth_basic images; auth_basic_user_file /dev/null; proxy_pass {behind}; }",
        ),
        truth=NOTHING,
        protections=AUTHENTICATION,
    ),
    Row(
        name="DICOMweb behind nginx with HTTPS and no password",
        service="dicomweb",
        start=nginx_before(orthanc("http", dicomweb=True), "location /dicom-web/ { proxy_pass {behind}; }", https=True),
        truth=EVERYTHING,
        protections=TLS,
        limits=ONLY_STORING,
    ),
    Row(
        name="DICOMweb behind nginx, queries alone",
        service="dicomweb",
        start=nginx_before(
            orthanc("http", dicomweb=True),
            "location = /dicom-web/studies { limit_except GET { deny all; } proxy_pass {behind}; }"
            " location /dicom-web/ { return 403; }",
        ),
        truth=gives("open", "listable"),
        limits=ONLY_STORING,
    ),
)

_DCMTK: Final = (
    Row(
        name="dcmqrscp, its AE title unknown",
        service="dicom",
        start=dcmqrscp(),
        called="COMMON",
        truth=EVERYTHING,
        protections=CALLED_AE,
        limits=BEHIND_AE,
    ),
    Row(
        name="dcmqrscp, reading and writing, its AE title told",
        service="dicom",
        start=dcmqrscp(),
        called="COMMON",
        truth=EVERYTHING,
        protections=CALLED_AE,
        consent=Consent(called_aes=("COMMON",)),
        limits=STORAGE_OFFERED,
    ),
    Row(
        name="dcmqrscp, reading alone, its AE title told",
        service="dicom",
        start=dcmqrscp(access="R"),
        called="COMMON",
        truth=gives("open", "listable", "downloadable"),
        protections=CALLED_AE,
        limits=NO_STORAGE,
        consent=Consent(called_aes=("COMMON",)),
    ),
    # `W` keeps nobody from asking: findscu and getscu are given names and images (dcmqrscp 3.6.7).
    Row(
        name="dcmqrscp, writing alone, its AE title told",
        service="dicom",
        start=dcmqrscp(access="W"),
        called="COMMON",
        truth=EVERYTHING,
        protections=CALLED_AE,
        consent=Consent(called_aes=("COMMON",)),
        limits=STORAGE_OFFERED,
    ),
    Row(
        name="dcmqrscp for known callers, its AE title told",
        service="dicom",
        start=dcmqrscp(peers="friend", hosts={"friend": ("FRIEND", 11199)}),
        called="COMMON",
        calling="FRIEND",
        truth=EVERYTHING,
        protections=CALLED_AE | CALLING_AE,
        limits=BEHIND_AE,
        unseen={"calling-ae-checked": "it refuses an unknown caller as if the called AE title were wrong"},
        consent=Consent(called_aes=("COMMON",)),
    ),
    Row(
        name="storescp",
        service="dicom",
        start=storescp(),
        truth=gives("open", "writable"),
        limits=STORAGE_OFFERED,
    ),
    Row(
        name="storescp, TLS",
        service="dicom-tls",
        start=storescp(tls="any client"),
        truth=gives("open", "writable"),
        protections=TLS,
        limits=STORAGE_OFFERED,
    ),
    Row(
        name="storescp, TLS 1.3 with client certificates",
        service="dicom-tls",
        start=storescp(tls="known clients"),
        truth=NOTHING,
        protections=MUTUAL_TLS,
        on_port=DICOM_TLS_PORT,
    ),
    Row(
        name="storescp, TLS 1.2 with client certificates",
        service="dicom-tls",
        start=storescp(tls="known clients", options=("+pz",)),
        truth=NOTHING,
        protections=MUTUAL_TLS,
        on_port=DICOM_TLS_PORT,
    ),
)

_PYNETDICOM: Final = (
    Row(
        name="pynetdicom, echo alone",
        service="dicom",
        start=pynetdicom(answers_queries=False, answers_retrievals=False, stores=False),
        truth=gives("open"),
        limits=NO_STORAGE,
    ),
    Row(
        name="pynetdicom, echo and storing",
        service="dicom",
        start=pynetdicom(answers_queries=False, answers_retrievals=False),
        truth=gives("open", "writable"),
        limits=STORAGE_OFFERED,
    ),
    Row(
        name="pynetdicom, find",
        service="dicom",
        start=pynetdicom(answers_retrievals=False, stores=False),
        truth=gives("open", "listable"),
        limits=NO_STORAGE,
    ),
    Row(
        name="pynetdicom, find, get and storing",
        service="dicom",
        start=pynetdicom(),
        truth=EVERYTHING,
        limits=STORAGE_OFFERED,
    ),
    Row(
        name="pynetdicom, find that ignores its filter",
        service="dicom",
        start=pynetdicom(filters=False, answers_retrievals=False, stores=False),
        truth=gives("open", "listable"),
        limits=NOT_ASKED | NO_STORAGE,
    ),
    Row(
        name="pynetdicom, find and get that ignore their filter",
        service="dicom",
        start=pynetdicom(filters=False),
        truth=EVERYTHING,
        limits=STORAGE_OFFERED | NOT_ASKED,
    ),
    Row(
        name="pynetdicom, called AE title checked",
        service="dicom",
        start=pynetdicom(check_called=True),
        called="PYNETDICOM",
        truth=EVERYTHING,
        protections=CALLED_AE,
        limits=BEHIND_AE,
    ),
    Row(
        name="pynetdicom, calling AE title checked",
        service="dicom",
        start=pynetdicom(allowed_calling=("FRIEND",)),
        calling="FRIEND",
        truth=EVERYTHING,
        protections=CALLING_AE,
        limits=BEHIND_AE,
    ),
    Row(
        name="pynetdicom, TLS",
        service="dicom-tls",
        start=pynetdicom(tls="any client"),
        truth=EVERYTHING,
        protections=TLS,
        limits=STORAGE_OFFERED,
    ),
    Row(
        name="pynetdicom, TLS, called AE title checked",
        service="dicom-tls",
        start=pynetdicom(tls="any client", check_called=True),
        called="PYNETDICOM",
        truth=EVERYTHING,
        protections=TLS | CALLED_AE,
        limits=BEHIND_AE,
    ),
    Row(
        name="pynetdicom, TLS, hanging up on an unknown called AE title",
        service="dicom-tls",
        start=pynetdicom(tls="any client", hangs_up=True),
        called="PYNETDICOM",
        truth=EVERYTHING,
        protections=TLS,
        on_port=DICOM_TLS_PORT,
        unchecked=HUNG_UP_AFTER_ITS_NAME,
    ),
    Row(
        name="TLS 1.2 service that hangs up, where DICOM is expected",
        service="dicom-tls",
        start=hanging_up(ssl.TLSVersion.TLSv1_2),
        truth=None,
        why="it speaks no DICOM, and a hang-up shows neither that nor a protection",
        on_port=DICOM_TLS_PORT,
        unchecked=HUNG_UP,
    ),
    Row(
        name="TLS 1.3 service that hangs up, where DICOM is expected",
        service="dicom-tls",
        start=hanging_up(ssl.TLSVersion.TLSv1_3),
        truth=None,
        why="it speaks no DICOM, and a hang-up shows neither that nor a protection",
        on_port=DICOM_TLS_PORT,
        unchecked=HUNG_UP,
    ),
    Row(
        name="pynetdicom, TLS with client certificates",
        service="dicom-tls",
        start=pynetdicom(tls="known clients"),
        truth=NOTHING,
        protections=MUTUAL_TLS,
        on_port=DICOM_TLS_PORT,
    ),
)

_LISTING: Final = "location / { autoindex on; }"
_PASSWORD: Final = "auth_basic images; auth_basic_user_file {passwords};"
_DAV: Final = "location / { dav_ext_methods PROPFIND OPTIONS; }"
_DAV_WRITABLE: Final = "location / { dav_methods PUT DELETE MKCOL; dav_ext_methods PROPFIND OPTIONS; }"

_WEB: Final = (
    Row(
        name="nginx listing images",
        service="http-listing",
        start=nginx(_LISTING, images="dicom"),
        truth=gives("open", "listable", "downloadable"),
        limits=ONLY_STORING,
    ),
    Row(
        name="nginx listing images deep below its root",
        service="http-listing",
        start=nginx(_LISTING, images="2024/PAT1/ST1"),
        truth=gives("open", "listable", "downloadable"),
        limits=ONLY_STORING,
    ),
    Row(
        name="nginx listing images over HTTPS",
        service="http-listing",
        start=nginx(_LISTING, images="dicom", https=True),
        truth=gives("open", "listable", "downloadable"),
        protections=TLS,
        limits=ONLY_STORING,
    ),
    Row(
        name="nginx listing images that it does not give",
        service="http-listing",
        start=nginx(_LISTING + r" location ~ \.dcm$ { deny all; }", images="dicom"),
        truth=gives("open", "listable"),
        limits=ONLY_STORING,
    ),
    Row(
        name="nginx listing images to whoever knows its name",
        service="http-listing",
        start=nginx(_LISTING, images="dicom", only_as=NAME),
        asked_as=NAME,
        truth=gives("open", "listable", "downloadable"),
        limits=ONLY_STORING,
    ),
    Row(
        name="nginx listing images over HTTPS to whoever knows its name",
        service="http-listing",
        start=nginx(_LISTING, images="dicom", https=True, only_as=NAME),
        asked_as=NAME,
        truth=gives("open", "listable", "downloadable"),
        protections=TLS,
        limits=ONLY_STORING,
    ),
    Row(
        name="nginx listing images under a name that was not told",
        service="http-listing",
        start=nginx(_LISTING, images="dicom", only_as=NAME),
        truth=None,
        why="whoever knows its address alone is sent away",
    ),
    Row(
        name="nginx listing no images",
        service="http-listing",
        start=nginx(_LISTING, pages={"notes/read-me.txt": "nothing medical"}),
        truth=None,
        why="a listing without images is no exposure of images",
    ),
    Row(
        name="nginx without listing",
        service="http-listing",
        start=nginx("location / { }", images="dicom", pages={"index.html": "<title>Practice</title>Welcome"}),
        truth=None,
        why="nothing says which files there are",
    ),
    Row(
        name="nginx listing images after a password",
        service="http-listing",
        start=nginx(f"location / {{ autoindex on; {_PASSWORD} }}", images="dicom"),
        truth=None,
        why="the password comes first, and what lies behind it is not shown",
    ),
    Row(
        name="Python's http.server over images",
        service="http-listing",
        start=python_http_server,
        truth=gives("open", "listable", "downloadable"),
        limits=ONLY_STORING | WHOLE_FILES,
    ),
    Row(
        name="nginx WebDAV, reading alone",
        service="webdav",
        start=nginx(_DAV, dav=True, images="dicom"),
        truth=gives("open", "listable", "downloadable"),
        limits=UNNAMED,
    ),
    Row(
        name="nginx WebDAV, reading and writing",
        service="webdav",
        start=nginx(_DAV_WRITABLE, dav=True, images="dicom"),
        truth=EVERYTHING,
        limits=UNNAMED,
    ),
    Row(
        name="nginx WebDAV over HTTPS",
        service="webdav",
        start=nginx(_DAV, dav=True, images="dicom", https=True),
        truth=gives("open", "listable", "downloadable"),
        protections=TLS,
        limits=UNNAMED,
    ),
    Row(
        name="WsgiDAV, reading alone",
        service="webdav",
        start=wsgidav(read_only=True),
        truth=gives("open", "listable", "downloadable"),
        limits=UNNAMED,
    ),
    Row(name="WsgiDAV, reading and writing", service="webdav", start=wsgidav(), truth=EVERYTHING, limits=UNNAMED),
    Row(
        name="WsgiDAV with users",
        service="webdav",
        start=wsgidav(users=PASSWORDS),
        truth=NOTHING,
        protections=AUTHENTICATION,
    ),
    Row(
        name="nginx without WebDAV",
        service="webdav",
        start=nginx(_LISTING, images="dicom"),
        truth=None,
        why="it speaks no WebDAV",
    ),
    Row(
        name="S3 (moto), a bucket for everyone",
        service="s3",
        start=moto(bucket="practice-images"),
        truth=EVERYTHING,
        limits=KEYS,
    ),
    Row(
        name="S3 (moto), a bucket for everyone whose objects are not",
        service="s3",
        start=moto(bucket="practice-images", acl="private"),
        truth=gives("open", "listable", "writable"),
        limits=KEYS,
    ),
    Row(
        name="S3 (moto), a list of no buckets for everyone",
        service="s3",
        start=moto(),
        truth=gives("open", "listable", "writable"),
        limits=KEYS | {"listable": Limit(why="there is no bucket whose keys could be counted")},
    ),
)

_FTP_TELLS_NO_RIGHTS: Final = {
    "writable": Limit(why="vsftpd does not say who may write (no MLST); only STOR would tell")
}
_FTP_READS_NO_PART: Final = {
    "downloadable": Limit(why="four bytes would prove it, and what is behind them is sent as well: a name may be there")
}
_FTP_TELLS_LITTLE: Final = _FTP_TELLS_NO_RIGHTS | _FTP_READS_NO_PART
_WRITING: Final = {"write_enable": "YES", "anon_upload_enable": "YES", "anon_other_write_enable": "YES"}
_LOCAL: Final = {"anonymous_enable": "NO", "local_enable": "YES"}

_FTP: Final = (
    Row(
        name="vsftpd, anonymous reading",
        service="ftp",
        start=vsftpd(),
        truth=gives("open", "listable", "downloadable"),
        limits=_FTP_TELLS_LITTLE,
    ),
    Row(
        name="vsftpd, anonymous reading and writing",
        service="ftp",
        start=vsftpd(_WRITING, inbox=True),
        truth=EVERYTHING,
        limits=_FTP_TELLS_LITTLE,
    ),
    Row(
        name="vsftpd, anonymous reading of a folder without images",
        service="ftp",
        start=vsftpd(images=False),
        truth=gives("open", "listable", "downloadable"),
        limits=NO_IMAGE,
    ),
    Row(
        name="vsftpd, images that anonymous visitors may list and not read",
        service="ftp",
        start=vsftpd(files_mode=0o600),
        truth=gives("open", "listable"),
        limits=_FTP_TELLS_NO_RIGHTS,
    ),
    Row(
        name="vsftpd, users alone",
        service="ftp",
        start=vsftpd(_LOCAL),
        truth=NOTHING,
        protections=AUTHENTICATION,
    ),
    Row(
        name="vsftpd, users alone, encryption demanded",
        service="ftp",
        start=vsftpd({**_LOCAL, "force_local_logins_ssl": "YES"}, tls=True),
        truth=NOTHING,
        protections=AUTHENTICATION | TLS,
        unseen={"tls": "vsftpd demands it once it is told a user's name, and none is tried"},
    ),
    Row(
        name="vsftpd, anonymous reading, encryption demanded",
        service="ftp",
        start=vsftpd({"allow_anon_ssl": "YES", "force_anon_logins_ssl": "YES"}, tls=True),
        truth=gives("open", "listable", "downloadable"),
        protections=TLS,
        limits=_FTP_TELLS_NO_RIGHTS
        | dict.fromkeys(
            ("listable", "downloadable"),
            Limit(why="inside TLS it is only told who may enter; a listing would come in clear, and may name patients"),
        ),
    ),
)

_GUESTS: Final = {"guest ok": "yes"}
_RIGHT_UNSEEN: Final = {"writable": Limit(why="the folders looked into grant no right to add; others might")}

_SMB: Final = (
    Row(
        name="Samba, guests may read",
        service="smb",
        start=samba(_GUESTS),
        truth=gives("open", "listable", "downloadable"),
        limits=_RIGHT_UNSEEN,
        on_port=SMB_PORT,
    ),
    Row(
        name="Samba, guests may read and write",
        service="smb",
        start=samba(_GUESTS | {"read only": "no"}, folder_mode=0o777),
        truth=EVERYTHING,
        on_port=SMB_PORT,
    ),
    Row(
        name="Samba, guests may write where the file system forbids it",
        service="smb",
        start=samba(_GUESTS | {"read only": "no"}),
        truth=gives("open", "listable", "downloadable"),
        limits=_RIGHT_UNSEEN,
        on_port=SMB_PORT,
    ),
    Row(
        name="Samba, images that guests may list and not read",
        service="smb",
        start=samba(_GUESTS, files_mode=0o600),
        truth=gives("open", "listable"),
        limits=_RIGHT_UNSEEN,
        on_port=SMB_PORT,
    ),
    # It tells anybody the names of its shares: a session without identity, and nothing more.
    Row(
        name="Samba, users alone, its shares named to anybody",
        service="smb",
        start=samba({}),
        truth=gives("open"),
        protections=AUTHENTICATION,
        on_port=SMB_PORT,
    ),
    Row(
        name="Samba, users alone",
        service="smb",
        start=samba({}, {"map to guest": "Never", "restrict anonymous": "2"}),
        truth=NOTHING,
        protections=AUTHENTICATION,
        on_port=SMB_PORT,
    ),
    Row(
        name="Samba, users alone, signing demanded",
        service="smb",
        start=samba({}, {"map to guest": "Never", "restrict anonymous": "2", "server signing": "mandatory"}),
        truth=NOTHING,
        protections=AUTHENTICATION | {"signing"},
        on_port=SMB_PORT,
    ),
)

ROWS: Final = (*_ORTHANC, *_DICOMWEB, *_DCMTK, *_PYNETDICOM, *_WEB, *_FTP, *_SMB)
