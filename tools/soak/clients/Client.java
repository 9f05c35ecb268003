import java.io.FileInputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.concurrent.ThreadLocalRandom;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/**
 * Asks over HTTP/2 with the JDK's own client until the standard input ends.
 *
 * <pre>java Client.java HIT MISS CA.pem</pre>
 *
 * Prints a line for each answer: how often the request was sent again, or "failed"
 * and why. The client of JDK 17 ends what is in flight when GOAWAY comes, even the first
 * one, which leaves all of it to be answered (RFC 9113 §6.8): an application has to send
 * it again itself, as here. A request that is put on the connection in that moment is
 * never ended by the client, but for its timeout. That of JDK 25 does neither: in twenty
 * upgrades it had nothing to be sent again here.
 */
class Client {
    /** Times that a request is sent. */
    static final int MOST = 3;

    static volatile boolean ended;

    public static void main(String[] args) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null);
        try (FileInputStream in = new FileInputStream(args[2])) {
            store.setCertificateEntry("server", CertificateFactory.getInstance("X.509").generateCertificate(in));
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        SSLContext tls = SSLContext.getInstance("TLS");
        tls.init(null, trust.getTrustManagers(), null);
        HttpClient client = HttpClient.newBuilder().sslContext(tls).version(HttpClient.Version.HTTP_2).build();

        ArrayList<Thread> workers = new ArrayList<>();
        workers.add(work(client, args[0], 50));
        workers.add(work(client, args[1], 50));
        workers.add(work(client, args[1], 400));
        while (System.in.read() >= 0) {
        }
        ended = true;
        for (Thread worker : workers) {
            worker.join();
        }
        System.exit(0); // the client's threads do not end
    }

    /** Asks again and again, with rests of that mean in milliseconds. */
    static Thread work(HttpClient client, String url, int rest) {
        Thread thread = new Thread(() -> {
            HttpRequest request = HttpRequest.newBuilder(URI.create(url)).timeout(Duration.ofSeconds(10)).build();
            while (!ended) {
                int again = 0;
                try {
                    while (true) {
                        try {
                            int status = client.send(request, BodyHandlers.ofByteArray()).statusCode();
                            System.out.println(status == 200 ? "" + again : "failed status " + status);
                            break;
                        } catch (IOException e) {
                            if (!("" + e.getMessage()).contains("GOAWAY") || ++again == MOST) {
                                throw e;
                            }
                        }
                    }
                    Thread.sleep(ThreadLocalRandom.current().nextInt(2 * rest));
                } catch (Exception e) {
                    System.out.println("failed " + e);
                }
            }
        });
        thread.start();
        return thread;
    }
}
