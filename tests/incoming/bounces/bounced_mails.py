"""Bounces as mail servers make them, of a message under an id."""

DSN = """From: Mail Delivery System <MAILER-DAEMON@mx.example.net>
To: learning@academy.example
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b1"

--b1
Content-Type: text/plain; charset=us-ascii

Your message did not reach everybody.

--b1
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net
Arrival-Date: Fri, 20 Nov 2026 09:00:00 +0000

Final-Recipient: rfc822; {address}
{more}Action: {action}
Status: {status}
Remote-MTA: dns; mail.example.org
Diagnostic-Code: smtp; 550 {status} <{address}> unknown

--b1
Content-Type: {returned}

From: Academy <learning@academy.example>
To: Ada <{address}>
Subject: Completed: Logic
Message-ID: {id}

Hello Ada.
--b1--
"""

EXIM = """From: Mail Delivery System <Mailer-Daemon@mx.example.net>
To: learning@academy.example
X-Failed-Recipients: ada@example.org
Auto-Submitted: auto-replied
Content-Type: multipart/report; report-type=delivery-status; boundary=1584-eximdsn-1
MIME-Version: 1.0
Subject: Mail delivery failed: returning message to sender

--1584-eximdsn-1
Content-type: text/plain; charset=us-ascii

A message that you sent could not be delivered.

--1584-eximdsn-1
Content-type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Action: failed
Final-Recipient: rfc822;ada@example.org
Status: 5.0.0
Remote-MTA: dns; mail.example.org
Diagnostic-Code: smtp; 550-5.1.1 The account that you tried to reach does
 not exist.

--1584-eximdsn-1
Content-type: message/rfc822

Return-path: <learning@academy.example>
Message-ID: {id}
To: Ada <ada@example.org>

Hello Ada.
--1584-eximdsn-1--
"""
EXCHANGE = """From: <postmaster@academy.example>
To: <learning@academy.example>
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="=_exchange"
X-MS-Exchange-Message-Is-Ndr:
Content-Language: de-DE
Subject: Unzustellbar: Completed

--=_exchange
Content-Type: multipart/alternative; boundary="=_inner"

--=_inner
Content-Type: text/plain; charset="utf-8"
Content-Transfer-Encoding: base64

SGFsbG8=

--=_inner--

--=_exchange
Content-Type: message/delivery-status

Reporting-MTA: dns;VI1PR04.eurprd04.prod.outlook.com
Received-From-MTA: dns;mx.academy.example
Arrival-Date: Fri, 20 Nov 2026 09:00:00 +0000

Original-Recipient: rfc822;ada@example.org
Final-Recipient: rfc822;ada@example.org
Action: failed
Status: 5.1.10
Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found by SMTP address lookup

--=_exchange
Content-Type: text/rfc822-headers

From: Academy <learning@academy.example>
Message-ID:
\t{id}

--=_exchange--
"""
GMAIL = """From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>
To: learning@academy.example
Auto-Submitted: auto-replied
X-Failed-Recipients: ada@example.org
Content-Type: multipart/report; boundary="0000000000a1"; report-type=delivery-status
Subject: Delivery Status Notification (Failure)

--0000000000a1
Content-Type: multipart/related; boundary="0000000000a2"

--0000000000a2
Content-Type: text/html; charset="UTF-8"

<b>Address not found</b>
--0000000000a2
Content-Type: image/png; name="icon.png"
Content-Transfer-Encoding: base64

iVBORw0KGgo=
--0000000000a2--
--0000000000a1
Content-Type: message/delivery-status

Reporting-MTA: dns; googlemail.com
X-Original-Message-ID: {id}

Final-Recipient: rfc822; ada@example.org
Action: failed
Status: 5.1.1
Remote-MTA: dns; gmail-smtp-in.l.google.com. (192.0.2.1, the server for the domain example.org.)
Diagnostic-Code: smtp; 550-5.1.1 The email account that you tried to reach does not exist.
Last-Attempt-Date: Fri, 20 Nov 2026 01:00:00 -0800 (PST)

--0000000000a1
Content-Type: message/rfc822

Message-ID: {id}
To: Ada <ada@example.org>

--0000000000a1--
"""
COMPLAINT = """From: <feedback@provider.example>
To: learning@academy.example
Subject: FW: Completed: Logic
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b1"

--b1
Content-Type: text/plain

This is an email abuse report.

--b1
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: SomeGenerator/1.0
Version: 1
{more}Source-IP: 192.0.2.1

--b1
Content-Type: message/rfc822

Message-ID: {id}
To: <redacted@example.org>
Subject: Completed: Logic

--b1--
"""


def complaint(id: str, kind: str = "abuse", more: str = "") -> bytes:
    return COMPLAINT.format(id=id, kind=kind, more=more).replace("\n", "\r\n").encode()


def dsn(
    id: str,
    address: str = "ada@example.org",
    *,
    action: str = "failed",
    status: str = "5.1.1",
    returned: str = "message/rfc822",
    more: str = "",
) -> bytes:
    text = DSN.format(
        id=id, address=address, action=action, status=status, returned=returned, more=more
    )
    return text.replace("\n", "\r\n").encode()
