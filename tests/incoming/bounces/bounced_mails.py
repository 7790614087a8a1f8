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
